package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Linear maps in every weight format, alone and per head. */
abstract class LinearContract extends KernelFixture {
    private static final int[] WIDTHS = {
        1, LANES - 1, LANES, LANES + 1, 127, 128, 129, 130, 257, 576, 1023, 1024, 1025, 2056
    };

    @ParameterizedTest
    @EnumSource
    void multipliesRowsOfAllWidths(Format format) {
        for (int cols : WIDTHS) {
            for (int m : new int[] {1, 3, 7}) {
                check(weight(format, 9, cols), gaussian(m, cols), format + " [" + m + ", " + cols + "]");
            }
        }
        check(weight(format, 5, 4098), gaussian(2, 4098), format + " 4098 columns");
        check(weight(format, 5, 4098), gaussian(1, 4098), format + " 4098 columns");
    }

    @ParameterizedTest
    @EnumSource
    void multipliesAllNumbersOfRowsAndOutputs(Format format) {
        for (int rows : new int[] {1, 2, 3, 4, 5, 15, 16, 17, 64, 130, 257}) {
            for (int m : new int[] {1, 2, 3, 4, 5, 6, 8, 33}) {
                check(weight(format, rows, 40), gaussian(m, 40), format + " " + rows + " outputs, " + m + " rows");
            }
        }
        check(weight(format, 20, 136), gaussian(131, 136), format + " 131 rows");
    }

    @ParameterizedTest
    @EnumSource
    void splitsLargeMapsOverThreads(Format format) {
        check(weight(format, 577, 384), gaussian(1, 384), format + " one row");
        check(weight(format, 577, 384), gaussian(9, 384), format + " nine rows");
    }

    /** As many rows and outputs as make backends take their kernels for large maps. */
    @ParameterizedTest
    @EnumSource
    void multipliesManyRowsOfWholeChunks(Format format) {
        for (int m : new int[] {9, 17, 40, 70, 140}) {
            check(weight(format, 200, 256), gaussian(m, 256), format + " " + m + " rows");
        }
    }

    @Test
    void multipliesLargeMaps() {
        for (Format format : new Format[] {Format.BF16, Format.FP8}) {
            WeightMatrix weight = weight(format, 2050, 256);
            Tensor x = gaussian(2200, 256);
            Tensor y = tensor(2200, 2050);
            kernels.bind(weight).apply(x, y);
            for (int r = 0; r < 2200; r += 1 + r / 9) {
                double[] row = input(weight, x, r, 0);
                for (int o = 0; o < 2050; o += 1 + o / 9) {
                    dot(weight, o, row).assertHolds(y.get(r, o), format + " [" + r + ", " + o + "]");
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void givesARowTheSameBitsAloneAndInABatch(Format format) {
        for (int cols : new int[] {5, 64, 130, 576, 1100, 2056}) {
            WeightMatrix weight = weight(format, 71, cols);
            LinearKernel linear = kernels.bind(weight);
            Tensor x = gaussian(69, cols);
            Tensor all = tensor(69, 71);
            linear.apply(x, all);
            for (int m : new int[] {1, 2, 3, 7, 33}) {
                for (int from = 0; from + m <= 69; from += m + 5) {
                    Tensor some = tensor(m, 71);
                    linear.apply(x.rows(from, m), some);
                    assertSameAlone(some, all.rows(from, m), format + " " + cols + " columns, rows " + from + "+" + m);
                }
            }
        }
    }

    @Test
    void decodesEveryFiniteFp8CodeExactly() {
        // Scales of every size: tiny, usual, and beyond what fits a shifted exponent.
        for (float scale : new float[] {1f, 0.37f, -2.5f, 3e-39f, 1.1e-30f, 127f, 128f, 3e5f, 1e30f}) {
            for (int cols : new int[] {256, 250, 131}) {
                MemorySegment data = arena.allocate(4L * cols);
                for (int i = 0; i < 4 * cols; i++) {
                    byte code = (byte) (i + i / cols);
                    data.set(ValueLayout.JAVA_BYTE, i, (code & 0x7F) == 0x7F ? 0 : code);
                }
                Tensor scales = tensor(1, Math.ceilDiv(cols, 128));
                scales.fill(scale);
                WeightMatrix weight = new Fp8BlockMatrix(data, scales, 4, cols, 128, 128);
                checkOneHot(weight, "scale " + scale + ", " + cols + " columns");
            }
        }
    }

    @Test
    void decodesBlocksWithAndWithoutSubnormals() {
        for (int planted : new int[] {-1, 0, 1, 7, 0x80, 0x81, 0x87}) {
            MemorySegment data = arena.allocate(4 * 384L);
            for (int i = 0; i < 4 * 384; i++) {
                int code = 8 + random.nextInt(119) + (random.nextBoolean() ? 128 : 0);
                data.set(ValueLayout.JAVA_BYTE, i, (byte) code);
            }
            if (planted >= 0) {
                data.set(ValueLayout.JAVA_BYTE, 2 * 384 + 128 + 77, (byte) planted);
            }
            Tensor scales = gaussian(1, 3);
            checkOneHot(new Fp8BlockMatrix(data, scales, 4, 384, 128, 128), "planted " + planted);
        }
    }

    @Test
    void decodesHalfPrecisionExactly() {
        short[] codes = new short[2 * 260];
        for (int i = 0; i < codes.length; i++) {
            int code = random.nextInt(0x7C00) | (random.nextBoolean() ? 0x8000 : 0);
            codes[i] = (short) (i < 100 ? i * 13 : code);
        }
        MemorySegment data = arena.allocate(2L * codes.length);
        for (int i = 0; i < codes.length; i++) {
            data.set(Codecs.LE_SHORT, 2L * i, codes[i]);
        }
        checkOneHot(new F16Matrix(data, 2, 260), "F16");
        checkOneHot(new Bf16Matrix(data, 2, 260), "BF16");
    }

    @Test
    void passesNotANumberAndInfinityOn() {
        for (int m : new int[] {1, 3}) {
            for (Format format : Format.values()) {
                if (format == Format.INT8_ROWS || format == Format.INT8_BLOCKS) {
                    continue; // no code is NaN: Int8Contract plants it elsewhere
                }
                WeightMatrix weight = weight(format, 6, 200);
                plantNaN(weight, 2, 150);
                Tensor y = tensor(m, 6);
                kernels.bind(weight).apply(gaussian(m, 200), y);
                for (int o = 0; o < 6; o++) {
                    assertThat(Float.isNaN(y.get(m - 1, o)))
                            .as(format + " output " + o)
                            .isEqualTo(o == 2);
                }
            }
            MemorySegment data = arena.allocate(2 * 32L);
            data.set(Codecs.LE_SHORT, 0, (short) 0x7C00);
            Tensor x = gaussian(m, 32);
            x.set(m - 1, 0, 2f);
            Tensor y = tensor(m, 1);
            kernels.bind(new F16Matrix(data, 1, 32)).apply(x, y);
            assertThat(y.get(m - 1, 0)).isEqualTo(Float.POSITIVE_INFINITY);
        }
    }

    private static void plantNaN(WeightMatrix weight, int row, int col) {
        long i = (long) row * weight.cols() + col;
        switch (weight) {
            case F32Matrix w -> w.data().set(Tensor.F32, 4 * i, Float.NaN);
            case Bf16Matrix w -> w.data().set(Codecs.LE_SHORT, 2 * i, (short) 0x7FC0);
            case F16Matrix w -> w.data().set(Codecs.LE_SHORT, 2 * i, (short) 0x7E00);
            case Fp8BlockMatrix w -> w.data().set(ValueLayout.JAVA_BYTE, i, (byte) 0xFF);
            case BlockMatrix w -> throw new IllegalArgumentException(w.format() + " has contracts of its own");
            case Int8Matrix w -> throw new IllegalArgumentException("INT8 has contracts of its own");
        }
    }

    @Test
    void copesWithExtremes() {
        for (Format format : Format.values()) {
            check(weight(format, 9, 200, 0), gaussian(5, 200), format + " zero weights");
            check(weight(format, 9, 200), gaussian(5, 200, 0), format + " zero rows");
            check(weight(format, 9, 200), gaussian(5, 200, 1e30), format + " large rows");
            check(weight(format, 9, 200), gaussian(5, 200, 1e-40), format + " subnormal rows");
            check(weight(format, 9, 200, 1e-4), gaussian(1, 200, 1e-36), format + " tiny products");
        }
        check(weight(Format.F32, 9, 200, 1e-42), gaussian(5, 200, 1e3), "subnormal weights");
    }

    @Test
    void bindsHeadsToTheirPartOfEachRow() {
        for (Format format : Format.values()) {
            for (int m : new int[] {1, 2, 6, 35}) {
                for (int[] shape :
                        new int[][] {{1, 3, 5}, {3, 16, 20}, {4, 20, 16}, {5, 33, 130}, {16, 128, 64}, {4, 72, 128}}) {
                    checkHeads(format, m, shape[0], shape[1], shape[2]);
                }
            }
        }
    }

    private void checkHeads(Format format, int m, int heads, int outputs, int inputs) {
        checkHeads(weight(format, heads * outputs, inputs), m, heads, format.name());
    }

    void checkHeads(WeightMatrix stacked, int m, int heads, String format) {
        int outputs = stacked.rows() / heads;
        int inputs = stacked.cols();
        HeadView x = new HeadView(gaussian(m, heads * (inputs + 3) + 2), heads, inputs + 3, 2, inputs);
        HeadView y = new HeadView(tensor(m, heads * (outputs + 5) + 1), heads, outputs + 5, 1, outputs);
        HeadsKernel kernel = kernels.bindHeads(stacked, heads);
        kernel.apply(x, y);
        for (int r = 0; r < m; r++) {
            for (int h = 0; h < heads; h++) {
                for (int o = 0; o < outputs; o += 1 + outputs / 9) {
                    dot(stacked, h * outputs + o, x.tensor(), r, x.column(h))
                            .assertHolds(y.tensor().get(r, y.column(h) + o), format + " head " + h + " output " + o);
                }
            }
        }
        assertRestUntouched(y);
        HeadView alone = new HeadView(tensor(1, y.tensor().cols()), heads, y.stride(), y.offset(), outputs);
        kernel.apply(x.rows(m - 1, 1), alone);
        assertSameAlone(alone.tensor(), y.tensor().rows(m - 1, 1), format + " heads, last row alone");
    }

    @Test
    void refusesWrongShapes() {
        LinearKernel linear = kernels.bind(weight(Format.F32, 4, 8));
        assertThat(linear.rows()).isEqualTo(4);
        assertThat(linear.cols()).isEqualTo(8);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> linear.apply(tensor(2, 9), tensor(2, 4)))
                .withMessageContaining("x")
                .withMessageContaining("[2, 8]")
                .withMessageContaining("[2, 9]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> linear.apply(tensor(2, 8), tensor(3, 4)))
                .withMessageContaining("y");
        Tensor both = tensor(2, 8);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> linear.apply(both, new Tensor(both.data().asSlice(4), 2, 4)))
                .withMessageContaining("overlaps");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.bindHeads(weight(Format.F32, 7, 8), 2))
                .withMessageContaining("heads");
        HeadsKernel heads = kernels.bindHeads(weight(Format.F32, 8, 6), 2);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> heads.apply(HeadView.of(tensor(3, 10), 2), HeadView.of(tensor(3, 8), 2)))
                .withMessageContaining("x");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> heads.apply(HeadView.of(tensor(3, 12), 2), HeadView.of(tensor(2, 8), 2)))
                .withMessageContaining("y");
    }

    /** A sum of products and how far off a float32 evaluation in any order may be. */
    record Dot(double sum, double bound) {
        void assertHolds(float actual, String what) {
            assertWithin(actual, sum, bound, what);
        }
    }

    /** Row r of x from a column on, times a weight row: n roundings of partial sums, one of each product. */
    Dot dot(WeightMatrix weight, int row, Tensor x, int r, int column) {
        return dot(weight, row, input(weight, x, r, column));
    }

    Dot dot(WeightMatrix weight, int row, double[] x) {
        double sum = 0;
        double magnitude = 0;
        double minimum = 0;
        double rounding = inputRounding(weight);
        for (int i = 0; i < weight.cols(); i++) {
            if (weight instanceof BlockMatrix blocks && i % 32 == 0) {
                minimum = BlockContract.minimum(blocks, row, i);
            }
            double product = x[i] * weight.get(row, i);
            sum += product;
            magnitude += Math.abs(product) + 2 * Math.abs(x[i] * minimum);
        }
        int n = weight.cols() + 2;
        // The product of both scales may be subnormal: its error counts as often as the largest product of codes.
        double least = RoundedInput.appliesTo(weight) ? 0x1p14 * TINY : roundsToBf16(weight) ? Float.MIN_NORMAL : TINY;
        return new Dot(sum, (n * U + rounding) * magnitude + n * least);
    }

    /** What stands for a row of x: itself, rounded to BF16, or whole numbers times a scale where weights are small integers. */
    double[] input(WeightMatrix weight, Tensor x, int r, int column) {
        double[] input = new double[weight.cols()];
        for (int i = 0; i < input.length; i++) {
            input[i] = input(weight, x.get(r, column + i));
        }
        int group = RoundedInput.group(weight);
        if (group != RoundedInput.NONE) {
            for (int from = 0; from < input.length; from += group) {
                double largest = 0;
                for (int i = from; i < Math.min(input.length, from + group); i++) {
                    largest = Math.max(largest, Math.abs(input[i]));
                }
                float steps = largest < 127 * 0x1p-126 ? 0 : 127 / (float) largest;
                for (int i = from; i < Math.min(input.length, from + group); i++) {
                    input[i] = Math.rint((float) input[i] * steps) * ((float) largest / 127);
                }
            }
        }
        return input;
    }

    void check(WeightMatrix weight, Tensor x, String what) {
        Tensor y = tensor(x.rows(), weight.rows());
        kernels.bind(weight).apply(x, y);
        for (int r = 0; r < x.rows(); r++) {
            double[] row = input(weight, x, r, 0);
            for (int o = 0; o < weight.rows(); o++) {
                dot(weight, o, row).assertHolds(y.get(r, o), what + " [" + r + ", " + o + "]");
            }
        }
    }

    /** Unit vectors pick single weights, which must come out as {@link WeightMatrix#get} has them, bit for bit. */
    void checkOneHot(WeightMatrix weight, String what) {
        int cols = weight.cols();
        Tensor x = tensor(cols, cols);
        x.fill(0);
        for (int i = 0; i < cols; i++) {
            x.set(i, i, 1);
        }
        Tensor batch = tensor(cols, weight.rows());
        LinearKernel linear = kernels.bind(weight);
        linear.apply(x, batch);
        Tensor alone = tensor(1, weight.rows());
        for (int i = 0; i < cols; i++) {
            linear.apply(x.rows(i, 1), alone);
            for (int o = 0; o < weight.rows(); o++) {
                assertThat(batch.get(i, o) + 0f)
                        .as(what + " [" + o + ", " + i + "]")
                        .isEqualTo(stored(weight, o, i) + 0f);
                assertThat(alone.get(0, o) + 0f)
                        .as(what + " [" + o + ", " + i + "]")
                        .isEqualTo(stored(weight, o, i) + 0f);
            }
        }
    }
}
