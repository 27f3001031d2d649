package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is encoded, read back by the definition of its format. */
class EncodingTest {
    private static final long SEED = 20_261_130;

    @ParameterizedTest
    @ValueSource(ints = {1, 127, 128, 129, 160, 576})
    void keepsFp8BlocksWithinHalfAStep(int cols) {
        float[][] rows = random(cols == 129 ? 128 : 60, cols);
        float[] scales = new float[Encoding.FP8.scales(cols)];
        MemorySegment codes = encoded(Encoding.FP8, rows, scales);
        Tensor scaleRow = new Tensor(MemorySegment.ofArray(scales.clone()), 1, scales.length);
        var matrix = new WeightMatrix.Fp8BlockMatrix(codes, scaleRow, rows.length, cols, 128, 128);
        forEach(rows, (r, c) -> {
            float scale = scales[c / 128];
            // Three bits behind the point, or the step of subnormals.
            double bound = Math.max(Math.abs(rows[r][c]) / 16, scale * 0x1p-10) * (1 + 1e-6);
            assertThat(matrix.get(r, c)).as("seed " + SEED).isBetween((float) (rows[r][c] - bound), (float)
                    (rows[r][c] + bound));
        });
    }

    @Test
    void keepsInt8RowsWithinHalfAStep() {
        float[][] row = random(1, 77);
        float[] scales = new float[1];
        MemorySegment codes = encoded(Encoding.INT8, row, scales);
        Tensor scale = new Tensor(MemorySegment.ofArray(scales.clone()), 1, 1);
        var matrix = new WeightMatrix.Int8Matrix(codes, scale, 1, 77, 1, 77);
        float bound = scales[0] * 0.5001f;
        forEach(row, (r, c) -> assertThat(matrix.get(r, c)).isBetween(row[r][c] - bound, row[r][c] + bound));
    }

    @Test
    void keepsBlocksOfBytesWithinHalfAStepAndTheRoundingOfTheirScale() {
        float[][] row = random(1, 96);
        MemorySegment blocks = encoded(Encoding.Q8_0, row, new float[0]);
        var matrix = new WeightMatrix.BlockMatrix(BlockFormat.Q8_0, blocks, 1, 96);
        forEach(row, (r, c) -> {
            float largest = 0;
            for (int i = c / 32 * 32; i < c / 32 * 32 + 32; i++) {
                largest = Math.max(largest, Math.abs(row[0][i]));
            }
            float bound = largest / 127 * 0.5001f + largest * 0x1p-11f;
            assertThat(matrix.get(r, c)).isBetween(row[r][c] - bound, row[r][c] + bound);
        });
    }

    @Test
    void roundsHalvesOfBytesAwayFromZeroAsGgmlDoes() {
        float[][] row = new float[1][32];
        row[0][0] = 127;
        row[0][1] = 2.5f;
        row[0][2] = -2.5f;
        row[0][3] = 0.49999997f;
        var matrix = new WeightMatrix.BlockMatrix(BlockFormat.Q8_0, encoded(Encoding.Q8_0, row, new float[0]), 1, 32);
        assertThat(matrix.get(0, 1)).isEqualTo(3);
        assertThat(matrix.get(0, 2)).isEqualTo(-3);
        assertThat(matrix.get(0, 3)).isZero();
    }

    @Test
    void keepsZerosAndPlainNumbers() {
        float[][] zeros = new float[3][64];
        for (Encoding encoding : Encoding.values()) {
            float[] scales = new float[encoding.scales(64)];
            float[][] rows = encoding.rowsPerBlock() == 1 ? new float[][] {zeros[0]} : zeros;
            MemorySegment bytes = encoded(encoding, rows, scales);
            assertThat(bytes.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE))
                    .as(encoding.name())
                    .containsOnly(0);
            assertThat(scales).containsOnly(encoding.scales(64) == 0 ? new float[0] : new float[encoding.scales(64)]);
        }
        float[][] row = random(1, 5);
        MemorySegment floats = encoded(Encoding.F32, row, new float[0]);
        MemorySegment halves = encoded(Encoding.BF16, row, new float[0]);
        for (int i = 0; i < 5; i++) {
            assertThat(floats.get(Tensor.F32, 4L * i)).isEqualTo(row[0][i]);
            assertThat(halves.get(Codecs.LE_SHORT, 2L * i)).isEqualTo(Codecs.floatToBf16(row[0][i]));
        }
    }

    private static MemorySegment encoded(Encoding encoding, float[][] rows, float[] scales) {
        MemorySegment to = Arena.ofAuto().allocate(rows.length * encoding.bytes(rows[0].length), 64);
        encoding.encode(rows, to, scales);
        return to;
    }

    private static float[][] random(int rows, int cols) {
        SplittableRandom random = new SplittableRandom(SEED + cols);
        float[][] numbers = new float[rows][cols];
        for (float[] row : numbers) {
            for (int c = 0; c < cols; c++) {
                row[c] = (float) (random.nextGaussian() * Math.exp(random.nextGaussian()));
            }
        }
        return numbers;
    }

    private interface Cell {
        void check(int row, int col);
    }

    private static void forEach(float[][] rows, Cell cell) {
        for (int r = 0; r < rows.length; r++) {
            for (int c = 0; c < rows[r].length; c++) {
                cell.check(r, c);
            }
        }
    }
}
