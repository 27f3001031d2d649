package dev.fathom.checkpoint;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a checkpoint can be converted to. */
public enum TargetFormat {
    /** A folder; every matrix in BF16. */
    BF16,
    /** A folder as DeepSeek publishes it: projections as E4M3 in blocks of 128x128 with scales. */
    FP8,
    /** A folder as llm-compressor writes it: projections as INT8 with a scale for each row. */
    INT8,
    /** One GGUF file as llama.cpp writes it: matrices in blocks of 32 bytes with a scale. */
    Q8_0;

    /** As it is given on a command line. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static Optional<TargetFormat> named(String label) {
        return Arrays.stream(values())
                .filter(format -> format.label().equals(label.toLowerCase(Locale.ROOT)))
                .findFirst();
    }

    /** All labels, for messages. */
    public static String labels() {
        return Arrays.stream(values()).map(TargetFormat::label).collect(Collectors.joining(", "));
    }
}
