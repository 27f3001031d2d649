package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** What all kernel contracts share: a backend, memory, random numbers from a printed seed, and error bounds. */
abstract class KernelFixture {
    /** Half the distance from 1 to the next float32: the relative error of one rounding. */
    static final double U = 0x1p-24;
    /** Half the smallest float32: the absolute error of one rounding near zero. */
    static final double TINY = 0x1p-149;

    static final int LANES = FloatVector.SPECIES_PREFERRED.length();
    static final float SENTINEL = -123.5f;
    private static final long SEED = 20261123;

    /** Weight formats a test goes through. */
    enum Format {
        F32,
        BF16,
        F16,
        FP8,
        /** FP8 whose blocks end inside vectors. */
        FP8_ODD_BLOCKS,
        /** INT8 with a scale for each row. */
        INT8_ROWS,
        /** INT8 with a scale for each block. */
        INT8_BLOCKS
    }

    Arena arena;
    KernelBackend kernels;
    SplittableRandom random;

    /** A fresh backend of the kind under test. */
    protected abstract KernelBackend backend(int threads);

    /** Whether products with this weight take x rounded to BF16, and tiny numbers as zeros. */
    protected boolean roundsToBf16(WeightMatrix weight) {
        return false;
    }

    /** Relative error of a number of x in products with this weight, where x may be rounded otherwise than to BF16; else 0. */
    protected double inputRounding(WeightMatrix weight) {
        return 0;
    }

    /** Whether a row gives the same bits alone and in a batch; otherwise nearly the same numbers. */
    protected boolean sameBitsInABatch() {
        return true;
    }

    /** Relative error of a number of a query, key, value or share of attention beyond float32's. */
    protected double attentionRounding() {
        return 0;
    }

    /** A row alone against the same row in a batch. */
    void assertSameAlone(Tensor alone, Tensor batched, String what) {
        if (sameBitsInABatch()) {
            assertSameBits(alone, batched, what);
            return;
        }
        for (int r = 0; r < batched.rows(); r++) {
            double largest = 0;
            for (int c = 0; c < batched.cols(); c++) {
                largest = Math.max(largest, Math.abs(batched.get(r, c)));
            }
            for (int c = 0; c < batched.cols(); c++) {
                assertWithin(alone.get(r, c), batched.get(r, c), 0x1p-3 * largest, what + " column " + c);
            }
        }
    }

    /** What stands for a number of x in products with this weight. */
    float input(WeightMatrix weight, float x) {
        return roundsToBf16(weight) ? flushed(Codecs.bf16ToFloat(Codecs.floatToBf16(flushed(x)))) : x;
    }

    private static float flushed(float x) {
        return Math.abs(x) < Float.MIN_NORMAL ? 0 : x;
    }

    /** A number of the weight as products take it. */
    float stored(WeightMatrix weight, int row, int col) {
        float value = weight.get(row, col);
        return weight instanceof Bf16Matrix && roundsToBf16(weight) ? flushed(value) : value;
    }

    @BeforeEach
    void openBackend() {
        System.out.println(getClass().getSimpleName() + " seed " + SEED);
        random = new SplittableRandom(SEED);
        arena = Arena.ofShared();
        kernels = backend(3);
    }

    @AfterEach
    void closeBackend() {
        kernels.close();
        arena.close();
    }

    /** Uninitialised but for sentinels all over; 4 bytes off any larger alignment. */
    Tensor tensor(int rows, int cols) {
        MemorySegment memory = arena.allocate(Tensor.byteSize(rows, cols) + 68, 64);
        Tensor tensor = new Tensor(memory.asSlice(4, Tensor.byteSize(rows, cols)), rows, cols);
        tensor.fill(SENTINEL);
        return tensor;
    }

    Tensor gaussian(int rows, int cols) {
        return gaussian(rows, cols, 1);
    }

    Tensor gaussian(int rows, int cols, double size) {
        Tensor tensor = tensor(rows, cols);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) {
                tensor.set(r, c, (float) (size * nextGaussian()));
            }
        }
        return tensor;
    }

    double nextGaussian() {
        double u = 1 - random.nextDouble();
        return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random.nextDouble());
    }

    WeightMatrix weight(Format format, int rows, int cols) {
        return weight(format, rows, cols, 1);
    }

    /** Gaussian weights; FP8 with random scales and all kinds of codes but NaN. The memory starts at an odd place. */
    WeightMatrix weight(Format format, int rows, int cols, double size) {
        return switch (format) {
            case F32 -> new F32Matrix(gaussian(rows, cols, size).data(), rows, cols);
            case BF16 -> {
                MemorySegment data = shorts(rows, cols);
                for (long i = 0; i < (long) rows * cols; i++) {
                    data.set(Codecs.LE_SHORT, 2 * i, Codecs.floatToBf16((float) (size * nextGaussian())));
                }
                yield new Bf16Matrix(data, rows, cols);
            }
            case F16 -> {
                MemorySegment data = shorts(rows, cols);
                for (long i = 0; i < (long) rows * cols; i++) {
                    data.set(Codecs.LE_SHORT, 2 * i, Float.floatToFloat16((float) (size * nextGaussian())));
                }
                yield new F16Matrix(data, rows, cols);
            }
            case FP8 -> fp8(rows, cols, 128, 128, size);
            case FP8_ODD_BLOCKS -> fp8(rows, cols, 3, 7, size);
            case INT8_ROWS -> int8(rows, cols, 1, cols, size);
            case INT8_BLOCKS -> int8(rows, cols, 128, 128, size);
        };
    }

    private MemorySegment shorts(int rows, int cols) {
        return arena.allocate(2L * rows * cols + 66, 64).asSlice(2, 2L * rows * cols);
    }

    Fp8BlockMatrix fp8(int rows, int cols, int blockRows, int blockCols, double size) {
        MemorySegment data = arena.allocate((long) rows * cols + 65, 64).asSlice(1, (long) rows * cols);
        // Every other block of 128 bytes holds what a trained weight holds, the others all codes alike.
        for (long i = 0; i < (long) rows * cols; i++) {
            byte code = i / 128 % 2 == 0 ? Codecs.floatToE4m3((float) (100 * nextGaussian())) : (byte) random.nextInt();
            data.set(ValueLayout.JAVA_BYTE, i, (code & 0x7F) == 0x7F ? 0 : code);
        }
        Tensor scales = tensor(Math.ceilDiv(rows, blockRows), Math.ceilDiv(cols, blockCols));
        for (int r = 0; r < scales.rows(); r++) {
            for (int c = 0; c < scales.cols(); c++) {
                scales.set(r, c, (float) (size * 0.01 * (0.5 + random.nextDouble())));
            }
        }
        return new Fp8BlockMatrix(data, scales, rows, cols, blockRows, blockCols);
    }

    /** All codes alike often, the smallest and the largest included. */
    Int8Matrix int8(int rows, int cols, int blockRows, int blockCols, double size) {
        MemorySegment data = arena.allocate((long) rows * cols + 65, 64).asSlice(1, (long) rows * cols);
        for (long i = 0; i < (long) rows * cols; i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        Tensor scales = tensor(Math.ceilDiv(rows, blockRows), Math.ceilDiv(cols, blockCols));
        for (int r = 0; r < scales.rows(); r++) {
            for (int c = 0; c < scales.cols(); c++) {
                scales.set(r, c, (float) (size * 0.01 * (0.5 + random.nextDouble())));
            }
        }
        return new Int8Matrix(data, scales, rows, cols, blockRows, blockCols);
    }

    /** Bit for bit, so that also signs of zeros and NaN count. */
    static void assertSameBits(Tensor actual, Tensor expected, String what) {
        assertThat(actual.cols()).isEqualTo(expected.cols());
        for (int r = 0; r < expected.rows(); r++) {
            for (int c = 0; c < expected.cols(); c++) {
                if (Float.floatToRawIntBits(actual.get(r, c)) != Float.floatToRawIntBits(expected.get(r, c))) {
                    assertThat(actual.get(r, c))
                            .as("%s: [%d, %d] bit for bit", what, r, c)
                            .isEqualTo(expected.get(r, c));
                    throw new AssertionError(what + ": zeros of different sign at [" + r + ", " + c + "]");
                }
            }
        }
    }

    static void assertWithin(double actual, double expected, double bound, String what) {
        if (!(Math.abs(actual - expected) <= bound)) {
            throw new AssertionError(what + ": got " + actual + ", expected " + expected + ", off by "
                    + Math.abs(actual - expected) + ", bound " + bound);
        }
    }

    /** The parts of {@code tensor} outside the view's heads still hold the sentinel. */
    static void assertRestUntouched(HeadView view) {
        Tensor tensor = view.tensor();
        boolean[] inside = new boolean[tensor.cols()];
        for (int h = 0; h < view.heads(); h++) {
            for (int i = 0; i < view.width(); i++) {
                inside[view.column(h) + i] = true;
            }
        }
        for (int r = 0; r < tensor.rows(); r++) {
            for (int c = 0; c < tensor.cols(); c++) {
                if (!inside[c]) {
                    assertThat(tensor.get(r, c)).as("[%d, %d]", r, c).isEqualTo(SENTINEL);
                }
            }
        }
    }
}
