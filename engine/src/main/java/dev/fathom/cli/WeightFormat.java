package dev.fathom.cli;

import dev.fathom.checkpoint.HfConfig;

/** How a checkpoint says its weights are stored. */
final class WeightFormat {
    private WeightFormat() {}

    static boolean isFp8(HfConfig config) {
        return config.objectIfPresent("quantization_config")
                .map(quantization -> quantization.textOr("quant_method", ""))
                .orElse("")
                .equals("fp8");
    }

    /** For people: "FP8 blocks", "bfloat16". */
    static String describe(HfConfig config) {
        return isFp8(config) ? "FP8 blocks" : config.textOr("torch_dtype", config.textOr("dtype", "stored format"));
    }
}
