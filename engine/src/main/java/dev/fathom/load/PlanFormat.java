package dev.fathom.load;

import dev.fathom.checkpoint.DummyWeights;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.tensor.BlockFormat;
import java.util.List;

/** A format that a model's weights can be served in. */
public enum PlanFormat {
    /** As config.json says. */
    PUBLISHED("as published"),
    BF16("BF16"),
    FP8("FP8 blocks"),
    INT8("INT8"),
    Q8_0("GGUF Q8_0"),
    Q4_K("GGUF Q4_K");

    private static final long SEED = 1;
    private static final List<Integer> BLOCK = List.of(128, 128);

    private final String label;

    PlanFormat(String label) {
        this.label = label;
    }

    public String label() {
        return label;
    }

    DummyWeights weights(HfConfig config) {
        return switch (this) {
            case PUBLISHED -> WeightFiles.random(WeightOptions.STORED, config);
            case BF16 -> DummyWeights.bf16(SEED);
            case FP8 -> DummyWeights.fp8(BLOCK, SEED);
            case INT8 -> DummyWeights.int8(List.of(), SEED);
            case Q8_0 -> DummyWeights.blocks(BlockFormat.Q8_0, SEED);
            case Q4_K -> DummyWeights.blocks(BlockFormat.Q4_K, SEED);
        };
    }
}
