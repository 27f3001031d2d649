package dev.fathom.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class WeightMatrixTest {
    private static MemorySegment bytes(long size) {
        return Arena.ofAuto().allocate(size);
    }

    /** Decoded at once as one by one. */
    private static void assertRow(WeightMatrix matrix, int row) {
        float[] numbers = new float[matrix.cols()];
        matrix.row(row, numbers);
        for (int col = 0; col < numbers.length; col++) {
            assertThat(numbers[col]).isEqualTo(matrix.get(row, col));
        }
    }

    @Test
    void decodesEachFormat() {
        MemorySegment f32 = bytes(24);
        f32.set(Tensor.F32, 20, 2.5f);
        assertThat(new F32Matrix(f32, 2, 3).get(1, 2)).isEqualTo(2.5f);
        MemorySegment bf16 = bytes(12);
        bf16.set(Codecs.LE_SHORT, 8, Codecs.floatToBf16(-3f));
        assertThat(new Bf16Matrix(bf16, 2, 3).get(1, 1)).isEqualTo(-3f);
        assertRow(new Bf16Matrix(bf16, 2, 3), 1);
        MemorySegment f16 = bytes(12);
        f16.set(Codecs.LE_SHORT, 2, Float.floatToFloat16(0.125f));
        assertThat(new F16Matrix(f16, 2, 3).get(0, 1)).isEqualTo(0.125f);
    }

    @Test
    void multipliesFp8ByItsBlocksScale() {
        MemorySegment data = bytes(5 * 7);
        Tensor scales = new Tensor(bytes(4 * 9), 3, 3);
        for (int row = 0; row < 5; row++) {
            for (int col = 0; col < 7; col++) {
                data.set(ValueLayout.JAVA_BYTE, 7L * row + col, Codecs.floatToE4m3(row + col));
            }
        }
        for (int row = 0; row < 3; row++) {
            for (int col = 0; col < 3; col++) {
                scales.set(row, col, 1 + 10 * row + col);
            }
        }
        WeightMatrix matrix = new Fp8BlockMatrix(data, scales, 5, 7, 2, 3);
        for (int row = 0; row < 5; row++) {
            for (int col = 0; col < 7; col++) {
                assertThat(matrix.get(row, col)).isEqualTo((row + col) * scales.get(row / 2, col / 3));
            }
            assertRow(matrix, row);
        }
        assertThat(matrix.bytes()).isEqualTo(35 + 36);
    }

    @Test
    void refusesDataOfAnotherSize() {
        assertThatThrownBy(() -> new F32Matrix(bytes(23), 2, 3)).hasMessageContaining("needs 24 bytes");
        assertThatThrownBy(() -> new Bf16Matrix(bytes(13), 2, 3)).hasMessageContaining("needs 12 bytes");
        assertThatThrownBy(() -> new F16Matrix(bytes(0), 0, 3)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new F32Matrix(bytes(8), Integer.MAX_VALUE, Integer.MAX_VALUE))
                .isInstanceOf(ArithmeticException.class);
    }

    @Test
    void refusesScalesOfAnotherShape() {
        Tensor scales = new Tensor(bytes(16), 2, 2);
        assertThatThrownBy(() -> new Fp8BlockMatrix(bytes(35), scales, 5, 7, 2, 3))
                .hasMessageContaining("needs scales [3, 3], got [2, 2]");
    }

    @Test
    void countsTheBytesOnePassReads() {
        assertThat(new F32Matrix(bytes(24), 2, 3).bytes()).isEqualTo(24);
        assertThat(new Bf16Matrix(bytes(12), 2, 3).bytes()).isEqualTo(12);
        assertThat(new F16Matrix(bytes(12), 2, 3).bytes()).isEqualTo(12);
    }
}
