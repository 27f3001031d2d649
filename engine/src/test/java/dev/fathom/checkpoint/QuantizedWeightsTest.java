package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class QuantizedWeightsTest {
    private static final int ROWS = 140;
    private static final int COLS = 300;
    private static final long SEED = 20261124;

    @TempDir
    private Path folder;

    private QuantizedWeights open(QuantizedWeights.Format format, List<String> said) {
        System.out.println("seed " + SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        float[] numbers = new float[ROWS * COLS];
        for (int i = COLS; i < numbers.length; i++) { // the first row is of zeros
            numbers[i] = (float) (random.nextDouble() - 0.5) * (1 + i % 7);
        }
        new SafetensorsWriter()
                .addBf16("a.up_proj.weight", List.of(ROWS, COLS), numbers)
                .addBf16("a.kv_b_proj.weight", List.of(1, 2), 1, 2)
                .addBf16("lm_head.weight", List.of(1, 2), 3, 4)
                .addF32("norm.weight", List.of(1), 5)
                .write(folder.resolve("model.safetensors"));
        SafetensorsSource stored = SafetensorsSource.open(CheckpointFiles.folder(folder), LoadProgress.none());
        return new QuantizedWeights(stored, format, new LoadProgress() {
            @Override
            public void advance(long done, long total) {
                said.add(total + " bytes");
            }

            @Override
            public void say(String text) {
                said.add(text);
            }
        });
    }

    @ParameterizedTest
    @EnumSource
    void roundsProjectionsToTheNearestCode(QuantizedWeights.Format format) {
        try (QuantizedWeights weights = open(format, new ArrayList<>());
                SafetensorsSource stored =
                        SafetensorsSource.open(CheckpointFiles.folder(folder), LoadProgress.none())) {
            WeightMatrix before = stored.matrix("a.up_proj.weight", ROWS, COLS);
            WeightMatrix after = weights.matrix("a.up_proj.weight", ROWS, COLS);
            assertThat(after).isInstanceOfAny(Int8Matrix.class, Fp8BlockMatrix.class);
            for (int row = 0; row < ROWS; row++) {
                for (int col = 0; col < COLS; col++) {
                    float wanted = before.get(row, col);
                    float bound = switch (after) {
                        case Int8Matrix w -> 0.5001f * w.scales().get(row, 0);
                        // Half of the last of three bits, or of the smallest step.
                        default -> Math.max(Math.abs(wanted) / 16, 0x1p-10f * 3.5f / 448) * 1.0001f;
                    };
                    assertThat(Math.abs(after.get(row, col) - wanted))
                            .as("[%d, %d] of %s", row, col, format)
                            .isLessThanOrEqualTo(bound);
                }
            }
        }
    }

    @Test
    void leavesTheRestAndSaysWhatItTakes() {
        List<String> said = new ArrayList<>();
        try (QuantizedWeights weights = open(QuantizedWeights.Format.INT8, said)) {
            long stored = weights.totalBytes();
            assertThat(weights.matrix("a.kv_b_proj.weight", 1, 2)).isInstanceOf(Bf16Matrix.class);
            assertThat(weights.matrix("lm_head.weight", 1, 2)).isInstanceOf(Bf16Matrix.class);
            assertThat(weights.vector("norm.weight", 1).get(0, 0)).isEqualTo(5);
            weights.matrix("a.up_proj.weight", ROWS, COLS);
            weights.requireAllUsed();
            assertThat(weights.totalBytes()).isEqualTo(stored - (long) ROWS * COLS + 4 * ROWS);
            weights.pageIn(LoadProgress.none(), 1);
            assertThat(said)
                    .containsExactly("Quantized the projections to INT8: 0 MB in memory, 0 MB in the checkpoint.\n");
        }
    }

    @Test
    void keepsWhatPreparesAttentionAndRouting() {
        assertThat(List.of(
                        "model.layers.0.self_attn.kv_b_proj.weight",
                        "model.layers.0.self_attn.indexer.weights_proj.weight",
                        "model.layers.61.eh_proj.weight",
                        "model.layers.3.mlp.gate.weight",
                        "model.layers.0.self_attn.q_proj.bias",
                        "model.embed_tokens.weight"))
                .noneMatch(QuantizedWeights::isQuantized);
        assertThat(List.of(
                        "model.layers.0.self_attn.kv_a_proj_with_mqa.weight",
                        "model.layers.3.mlp.experts.7.down_proj.weight"))
                .allMatch(QuantizedWeights::isQuantized);
    }
}
