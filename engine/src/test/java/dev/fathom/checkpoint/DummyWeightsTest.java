package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DummyWeightsTest {
    @Test
    void givesProjectionsInFp8BlocksAndTheRestInBf16() {
        try (DummyWeights weights = DummyWeights.fp8(List.of(128, 128), 1)) {
            assertThat(weights.matrix("model.layers.0.mlp.up_proj.weight", 130, 256))
                    .isInstanceOfSatisfying(Fp8BlockMatrix.class, matrix -> {
                        assertThat(matrix.scales().rows()).isEqualTo(2);
                        assertThat(matrix.scales().cols()).isEqualTo(2);
                    });
            assertThat(weights.matrix("lm_head.weight", 10, 16)).isInstanceOf(Bf16Matrix.class);
            assertThat(weights.matrix("model.layers.0.mlp.gate.weight", 4, 16)).isInstanceOf(Bf16Matrix.class);
            assertThat(weights.totalBytes()).isEqualTo(130 * 256 + 16 + 2 * 16 * (10 + 4));
        }
        try (DummyWeights weights = DummyWeights.bf16(1)) {
            assertThat(weights.matrix("model.layers.0.mlp.up_proj.weight", 8, 8))
                    .isInstanceOf(Bf16Matrix.class);
        }
    }

    @Test
    void givesProjectionsInBlocksWhereRowsAreWholeOnes() {
        try (DummyWeights weights = DummyWeights.blocks(BlockFormat.Q4_K, 1)) {
            assertThat(weights.matrix("a_proj", 4, 512))
                    .isInstanceOfSatisfying(
                            BlockMatrix.class,
                            matrix -> assertThat(matrix.format()).isEqualTo(BlockFormat.Q4_K));
            assertThat(weights.matrix("a_proj", 4, 96))
                    .isInstanceOfSatisfying(
                            BlockMatrix.class,
                            matrix -> assertThat(matrix.format()).isEqualTo(BlockFormat.Q8_0));
            assertThat(weights.matrix("a_proj", 4, 40)).isInstanceOf(Bf16Matrix.class);
            assertThat(weights.matrix("lm_head.weight", 4, 512)).isInstanceOf(Bf16Matrix.class);
        }
    }

    @Test
    void keepsProductsNearOne() {
        keepsProductsNearOne(DummyWeights.fp8(List.of(128, 128), 1));
        keepsProductsNearOne(DummyWeights.int8(List.of(128, 128), 1));
        keepsProductsNearOne(DummyWeights.int8(List.of(), 1));
        for (BlockFormat format : BlockFormat.values()) {
            keepsProductsNearOne(DummyWeights.blocks(format, 1));
        }
    }

    private static void keepsProductsNearOne(DummyWeights weights) {
        int inputs = 512;
        int outputs = 128;
        try (weights) {
            for (String name : List.of("a_proj", "lm_head")) {
                WeightMatrix matrix = weights.matrix(name, outputs, inputs);
                double squares = 0;
                for (int r = 0; r < outputs; r++) {
                    double sum = 0;
                    for (int c = 0; c < inputs; c++) {
                        sum += matrix.get(r, c) * ((c & 1) == 0 ? 1 : -1);
                    }
                    squares += sum * sum / outputs;
                }
                assertThat(Math.sqrt(squares)).isBetween(0.01, 8.0);
            }
        }
    }

    @Test
    void givesOnesForVectors() {
        try (DummyWeights weights = DummyWeights.bf16(1)) {
            Tensor norm = weights.vector("model.norm.weight", 7);
            assertThat(norm.toArray()).containsOnly(1f).hasSize(7);
        }
    }

    @Test
    void refusesMoreThanTheMemoryThereIsAndSaysHowMuchItMade() {
        List<String> said = new ArrayList<>();
        LoadProgress progress = new LoadProgress() {
            @Override
            public void advance(long done, long total) {}

            @Override
            public void say(String text) {
                said.add(text);
            }
        };
        try (DummyWeights weights = DummyWeights.bf16(1).within(300_000, progress)) {
            weights.matrix("a_proj.weight", 400, 250);
            assertThatThrownBy(() -> weights.matrix("b_proj.weight", 4000, 100))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("more than the 0.0 GB", "b_proj.weight is next", "num_hidden_layers");
            weights.pageIn(progress, 1);
            assertThat(said).containsExactly("Random weights: 0.0 GB in memory.\n");
        }
    }
}
