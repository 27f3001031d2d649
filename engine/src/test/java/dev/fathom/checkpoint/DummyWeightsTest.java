package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
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
    void keepsProductsNearOne() {
        int inputs = 512;
        int outputs = 128;
        try (DummyWeights weights = DummyWeights.fp8(List.of(128, 128), 1)) {
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
                assertThat(Math.sqrt(squares)).isBetween(0.1, 3.0);
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
}
