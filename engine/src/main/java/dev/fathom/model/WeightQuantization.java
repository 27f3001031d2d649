package dev.fathom.model;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import java.util.List;

/** How config.json's quantization_config says weights are stored. */
public final class WeightQuantization {
    private WeightQuantization() {}

    /**
     * Does nothing where weights are not quantized. Weights only are FP8 here: activations stay float32, so how others
     * would quantize them changes nothing.
     *
     * @throws CheckpointException naming the key, if it is not FP8 with blocks
     */
    public static void requireServed(HfConfig file) {
        if (!file.has("quantization_config")) {
            return;
        }
        HfConfig quantization = file.object("quantization_config");
        String method = quantization.text("quant_method");
        if (!method.equals("fp8")) {
            throw new CheckpointException(
                    quantization.where() + ": quant_method " + method + " is not served, only fp8 is");
        }
        String format = quantization.textOr("fmt", "e4m3");
        List<Integer> block = quantization.integers("weight_block_size");
        if (!format.equals("e4m3") || block.size() != 2) {
            throw new CheckpointException(quantization.where() + ": fmt " + format + " with weight_block_size " + block
                    + " is not served, only e4m3 with two block sizes is");
        }
    }
}
