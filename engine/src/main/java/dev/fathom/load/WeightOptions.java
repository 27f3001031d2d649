package dev.fathom.load;

import org.jspecify.annotations.Nullable;

/**
 * Where weights come from, and in which format they are served.
 *
 * @param quantization  {@code fp8} or {@code w8a8_int8}: weights stored as plain numbers are quantized so at load; {@code awq}:
 *                      weights must be stored so; null serves them as they are stored
 * @param random        random weights of the configuration's shapes and formats, no file but config.json's folder is read
 * @param hugePages     weights that are mapped are to lie in pages of 2 MiB
 */
public record WeightOptions(@Nullable String quantization, boolean random, boolean hugePages) {
    /** As the checkpoint has them. */
    public static final WeightOptions STORED = new WeightOptions(null, false, false);
}
