package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The block formats of GGUF files, whose rows are whole blocks. */
abstract class BlockContract extends ExpertsContract {
    /** Half-precision scales at the ends of what there is: zeros, subnormals, the smallest normal, the largest. */
    private static final int[] EXTREME_SCALES = {0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF};

    /** Random blocks whose numbers are of size 1 or so; the memory starts at an odd place. */
    private BlockMatrix blocks(BlockFormat format, int rows, int cols) {
        return blocks(format, rows, cols, false);
    }

    private BlockMatrix blocks(BlockFormat format, int rows, int cols, boolean extreme) {
        long bytes = format.rowBytes(cols) * rows;
        MemorySegment data = arena.allocate(bytes + 65, 64).asSlice(1, bytes);
        for (long i = 0; i < bytes; i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        double size = switch (format) {
            case Q4_0, Q5_0, Q8_0, Q4_1, Q5_1, AWQ, IQ4_NL -> 0.05;
            case Q4_K, Q5_K, Q6_K, Q3_K, IQ4_XS -> 0.002;
            case Q2_K -> 0.05;
        };
        for (long block = 0; block < bytes; block += format.bytes()) {
            for (int place : scalePlaces(format)) {
                short bits = extreme
                        ? (short) EXTREME_SCALES[random.nextInt(EXTREME_SCALES.length)]
                        : Float.floatToFloat16((float) (size * nextGaussian()));
                data.set(Codecs.LE_SHORT, block + place, bits);
            }
        }
        return new BlockMatrix(format, data, rows, cols);
    }

    /** Byte offsets of a block's half-precision scales. */
    private static List<Integer> scalePlaces(BlockFormat format) {
        return switch (format) {
            case Q4_0, Q5_0, Q8_0, AWQ, IQ4_NL, IQ4_XS -> List.of(0);
            case Q4_1, Q5_1, Q4_K, Q5_K -> List.of(0, 2);
            case Q2_K -> List.of(80, 82);
            case Q3_K -> List.of(108);
            case Q6_K -> List.of(208);
        };
    }

    @ParameterizedTest
    @EnumSource
    void multipliesRowsOfBlocks(BlockFormat format) {
        int block = format.columns();
        for (int cols : new int[] {block, 2 * block, 3 * block, 5 * block, 1024, 1024 + block, 2048 + 3 * block}) {
            for (int m : new int[] {1, 3, 7}) {
                check(blocks(format, 9, cols), gaussian(m, cols), format + " [" + m + ", " + cols + "]");
            }
        }
        for (int rows : new int[] {1, 2, 3, 4, 5, 17, 64, 130}) {
            for (int m : new int[] {1, 2, 4, 5, 33}) {
                check(blocks(format, rows, block), gaussian(m, block), format + " " + rows + " outputs, " + m);
            }
        }
        check(blocks(format, 577, 768), gaussian(1, 768), format + " over threads, one row");
        check(blocks(format, 577, 768), gaussian(9, 768), format + " over threads, nine rows");
    }

    /** What is subtracted from every number of a group or run of columns: the number itself where its scale is zero. */
    static double minimum(BlockMatrix weight, int row, int col) {
        BlockFormat format = weight.format();
        return switch (format) {
            case Q4_0, Q5_0, Q8_0, Q6_K, AWQ, IQ4_NL, IQ4_XS, Q3_K -> 0;
            case Q4_1, Q5_1, Q4_K, Q5_K, Q2_K -> {
                long at = format.rowBytes(weight.cols()) * row
                        + format.rowBytes(col / format.columns() * format.columns());
                MemorySegment block = MemorySegment.ofArray(
                        weight.data().asSlice(at, format.bytes()).toArray(ValueLayout.JAVA_BYTE));
                block.set(Codecs.LE_SHORT, scalePlaces(format).getFirst(), (short) 0);
                yield -new BlockMatrix(format, block, 1, format.columns()).get(0, col % format.columns());
            }
        };
    }

    @ParameterizedTest
    @EnumSource
    void decodesBlocksExactly(BlockFormat format) {
        checkSingleColumns(blocks(format, 6, 512), format.name());
        checkSingleColumns(blocks(format, 6, 512, true), format + " with extreme scales");
    }

    /**
     * Rows with 127 in one column, which is code 127 with scale 1, pick single weights: what comes out is 127 times {@link
     * BlockMatrix#get}, rounded once, or with a minimum twice.
     */
    private void checkSingleColumns(BlockMatrix weight, String what) {
        int cols = weight.cols();
        Tensor x = tensor(cols, cols);
        x.fill(0);
        for (int i = 0; i < cols; i++) {
            x.set(i, i, 127);
        }
        Tensor batch = tensor(cols, weight.rows());
        LinearKernel linear = kernels.bind(weight);
        linear.apply(x, batch);
        Tensor alone = tensor(1, weight.rows());
        for (int i = 0; i < cols; i++) {
            linear.apply(x.rows(i, 1), alone);
            assertSameBits(alone, batch.rows(i, 1), what + " column " + i);
            for (int o = 0; o < weight.rows(); o++) {
                double wanted = 127.0 * weight.get(o, i);
                double minimum = 127 * minimum(weight, o, i);
                double bound = minimum == 0 ? 0 : 3 * U * (Math.abs(wanted) + 2 * Math.abs(minimum));
                assertWithin(alone.get(0, o), (float) wanted, bound, what + " [" + o + ", " + i + "]");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void copesWithExtremeRowsAndBlocks(BlockFormat format) {
        for (double size : new double[] {0, 1e30, 1e-36, 1e-40}) {
            check(blocks(format, 9, 512), gaussian(5, 512, size), format + " rows of size " + size);
        }
        check(blocks(format, 9, 512, true), gaussian(5, 512), format + " extreme scales");
        check(blocks(format, 9, 512, true), gaussian(5, 512, 1e-33), format + " extreme scales, tiny rows");
        BlockMatrix ones = blocks(format, 9, 512);
        ones.data().asSlice(0, ones.data().byteSize()).fill((byte) 0xFF);
        setScales(ones, Float.floatToFloat16(0.01f));
        check(ones, signs(5, 512), format + " all bits set");
        ones.data().fill((byte) 0x80);
        setScales(ones, Float.floatToFloat16(0.01f));
        check(ones, signs(5, 512), format + " the smallest codes");
    }

    private static void setScales(BlockMatrix weight, short bits) {
        for (long block = 0;
                block < weight.data().byteSize();
                block += weight.format().bytes()) {
            for (int place : scalePlaces(weight.format())) {
                weight.data().set(Codecs.LE_SHORT, block + place, bits);
            }
        }
    }

    /** Rows of the largest codes: all of one sign, then of both. */
    private Tensor signs(int rows, int cols) {
        Tensor x = tensor(rows, cols);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) {
                x.set(r, c, r == 0 ? 3 : r == 1 ? -3 : random.nextBoolean() ? 3 : -3);
            }
        }
        return x;
    }

    @ParameterizedTest
    @EnumSource
    void givesNotANumberForRowsThatAreNotFinite(BlockFormat format) {
        for (float planted : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            BlockMatrix weight = blocks(format, 9, 512);
            Tensor x = gaussian(3, 512);
            x.set(1, 300, planted);
            Tensor y = tensor(3, 9);
            kernels.bind(weight).apply(x, y);
            Tensor alone = tensor(1, 9);
            kernels.bind(weight).apply(x.rows(1, 1), alone);
            for (int o = 0; o < 9; o++) {
                assertThat(y.get(0, o)).isFinite();
                assertThat(y.get(1, o)).as(format + " with " + planted).isNaN();
                assertThat(alone.get(0, o)).as(format + " with " + planted).isNaN();
                assertThat(y.get(2, o)).isFinite();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void givesABlockRowTheSameBitsAloneAndInABatch(BlockFormat format) {
        for (int cols : new int[] {format.columns(), 768, 2048 + format.columns()}) {
            LinearKernel linear = kernels.bind(blocks(format, 71, cols));
            Tensor x = gaussian(69, cols);
            Tensor all = tensor(69, 71);
            linear.apply(x, all);
            for (int m : new int[] {1, 2, 3, 7, 33}) {
                for (int from = 0; from + m <= 69; from += m + 5) {
                    Tensor some = tensor(m, 71);
                    linear.apply(x.rows(from, m), some);
                    assertSameBits(some, all.rows(from, m), format + " " + cols + " columns, rows " + from + "+" + m);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void bindsHeadsOfBlocks(BlockFormat format) {
        for (int m : new int[] {1, 6}) {
            for (int[] shape : new int[][] {{1, 3, 1}, {5, 33, 2}, {16, 128, 1}}) {
                int inputs = shape[2] * format.columns();
                checkHeads(blocks(format, shape[0] * shape[1], inputs), m, shape[0], format.name());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void embedsBlocksExactly(BlockFormat format) {
        BlockMatrix table = blocks(format, 11, 3 * format.columns());
        int[] ids = {10, 0, 3, 3};
        Tensor out = tensor(4, table.cols());
        kernels.embed(table, ids, out);
        for (int t = 0; t < ids.length; t++) {
            for (int i = 0; i < table.cols(); i++) {
                assertThat(out.get(t, i)).isEqualTo(table.get(ids[t], i));
            }
        }
    }

    /** As llama.cpp mixes them: the down projection in another format than gate and up. */
    @Test
    @Tag("slow")
    void addsUpExpertsOfMixedFormats() {
        for (BlockFormat[] formats : new BlockFormat[][] {
            {BlockFormat.Q4_K, BlockFormat.Q6_K},
            {BlockFormat.Q5_K, BlockFormat.Q8_0},
            {BlockFormat.Q5_0, BlockFormat.Q4_0}
        }) {
            List<ExpertWeights> experts = new ArrayList<>();
            for (int e = 0; e < 7; e++) {
                experts.add(new ExpertWeights(
                        blocks(formats[0], 256, 512), blocks(formats[0], 256, 512), blocks(formats[1], 512, 256)));
            }
            checkExperts(experts, formats[0] + " and " + formats[1]);
            BlockMatrix other = blocks(formats[1], 256, 512);
            experts.set(3, new ExpertWeights(other, other, experts.get(3).down()));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernels.bindExperts(experts))
                    .withMessageContaining("number 3 is gate " + formats[1]);
        }
        ExpertWeights mixed = new ExpertWeights(
                blocks(BlockFormat.Q8_0, 32, 64), weight(Format.BF16, 32, 64), blocks(BlockFormat.Q8_0, 64, 32));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.bindExperts(List.of(mixed)))
                .withMessageContaining("gate and up must both have weights of small integers, or neither");
    }

    @Test
    void passesNotANumberOnFromABlocksScale() {
        for (BlockFormat format : BlockFormat.values()) {
            for (int m : new int[] {1, 3}) {
                BlockMatrix weight = blocks(format, 6, 512);
                long block = format.rowBytes(512) * 2 + format.bytes();
                weight.data().set(Codecs.LE_SHORT, block + scalePlaces(format).getFirst(), (short) 0x7E00);
                Tensor y = tensor(m, 6);
                kernels.bind(weight).apply(gaussian(m, 512), y);
                for (int o = 0; o < 6; o++) {
                    assertThat(Float.isNaN(y.get(m - 1, o)))
                            .as(format + " output " + o)
                            .isEqualTo(o == 2);
                }
            }
        }
    }
}
