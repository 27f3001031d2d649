package dev.fathom.cli;

import dev.fathom.checkpoint.HfConfig;
import dev.fathom.model.WeightQuantization;

/** How a checkpoint says its weights are stored. */
final class WeightFormat {
    private WeightFormat() {}

    /** For people: "FP8 blocks", "bfloat16". */
    static String describe(HfConfig config) {
        WeightQuantization stored = WeightQuantization.read(config);
        return stored == WeightQuantization.NONE
                ? config.textOr("torch_dtype", config.textOr("dtype", "stored format"))
                : stored.label();
    }
}
