package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I32;
import static dev.fathom.kernels.vector.Lanes.I8_WIDE;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * E4M3 weights with block scales, expanded in registers; every number is value * scale rounded once to float32.
 *
 * <p>Placed in a float's exponent and upper mantissa bits, a code is its value times 2^-120, and one multiplication by
 * scale * 2^120 finishes the job. E4M3 subnormals would be float subnormals on the way, which Intel processors handle in
 * microcode, over ten times slower. They are rare in trained weights (about one in 5,000), so a block of columns is looked
 * at first, and one that holds a subnormal, a zero or a NaN takes a path with a few more instructions.
 */
final class Fp8Tiles implements WeightTiles {
    /** DeepSeek's block size. */
    private static final int BLOCK = 128;
    /** Scales below this cannot overflow when multiplied by 2^120. */
    private static final float LARGEST_PLAIN_SCALE = 0x1p7f;

    private final Fp8BlockMatrix weight;
    private final boolean bordersOnVectors;
    /** Blocks of {@value #BLOCK} columns, which have kernels of their own. */
    private final boolean usualBlocks;
    /** No scale is so large that plain codes would overflow on the short way. */
    private final boolean scalesArePlain;

    Fp8Tiles(Fp8BlockMatrix weight) {
        this.weight = weight;
        bordersOnVectors = weight.blockCols() % COUNT == 0 || weight.blockCols() >= weight.cols();
        usualBlocks = weight.blockCols() == BLOCK;
        // Four lanes have no vector of four bytes to convert from: all codes go the long way there.
        scalesArePlain = COUNT > 4 && scalesArePlain(weight.scales());
    }

    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int cols() {
        return weight.cols();
    }

    private static boolean scalesArePlain(Tensor scales) {
        for (long at = 0, end = Tensor.byteSize(scales.rows(), scales.cols()); at < end; at += 4) {
            if (!(Math.abs(scales.data().get(Tensor.F32, at)) < LARGEST_PLAIN_SCALE)) {
                return false;
            }
        }
        return true;
    }

    /** Byte offset of a row, the last one's for rows past it. */
    private long at(int row) {
        return (long) Math.min(row, weight.rows() - 1) * weight.cols();
    }

    /** Byte offset of a row's first scale. */
    private long scaleAt(int row) {
        return 4L
                * (Math.min(row, weight.rows() - 1) / weight.blockRows())
                * weight.scales().cols();
    }

    private float scale(int row, int blockColumn) {
        return weight.scales().data().get(Tensor.F32, scaleAt(row) + 4L * blockColumn);
    }

    @Override
    public void expand(int row, int from, int count, MemorySegment panel, Workspace workspace) {
        int whole = usualBlocks && from % BLOCK == 0 ? count & -BLOCK : 0;
        if (whole > 0) {
            long plain = plainBlocks(row, from, whole);
            expandPlainBlocks(row, from, whole, plain, panel);
            if (Long.bitCount(plain) < whole / BLOCK) {
                expandOtherBlocks(row, from, whole, plain, panel);
            }
        }
        for (int r = 0; whole < count && r < HEIGHT; r++) {
            if (bordersOnVectors) {
                expandRest(row + r, from + whole, count - whole, panel, 16L * whole + (long) r * BYTES);
            } else {
                expandSlowly(row + r, from, count, panel, (long) r * BYTES);
            }
        }
    }

    // The two kinds of blocks in loops of their own: compiled together they are slower, the common kind too.

    private void expandPlainBlocks(int row, int from, int count, long plain, MemorySegment panel) {
        for (int r = 0; r < HEIGHT; r++) {
            long at = at(row + r) + from;
            long scaleAt = scaleAt(row + r) + 4L * (from / BLOCK);
            for (int block = 0; block < count; block += BLOCK) {
                if ((plain >> (block / BLOCK) & 1) != 0) {
                    float scale = weight.scales().data().get(Tensor.F32, scaleAt + 4L * (block / BLOCK));
                    expandPlain(weight.data(), at + block, scale, panel, 16L * block + (long) r * BYTES);
                }
            }
        }
    }

    private void expandOtherBlocks(int row, int from, int count, long plain, MemorySegment panel) {
        for (int r = 0; r < HEIGHT; r++) {
            for (int block = 0; block < count; block += BLOCK) {
                if ((plain >> (block / BLOCK) & 1) == 0) {
                    long at = at(row + r) + from + block;
                    float scale = scale(row + r, (from + block) / BLOCK);
                    expandExact(weight.data(), at, scale, panel, 16L * block + (long) r * BYTES);
                }
            }
        }
    }

    // Slices and loops of constant length in these two: without that, eight rounds are too few to be fast.

    private static void expandPlain(MemorySegment data, long at, float scale, MemorySegment panels, long to) {
        MemorySegment w = data.asSlice(at, BLOCK);
        MemorySegment panel = panels.asSlice(to, 16L * BLOCK - 3L * BYTES);
        FloatVector factor = FloatVector.broadcast(F32, scale * 0x1p120f);
        for (int i = 0; i < BLOCK; i += COUNT) {
            ((IntVector) ByteVector.fromMemorySegment(E4m3.I8, w, i, LE).convertShape(VectorOperators.B2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 20)
                    .and(E4m3.CODE_BITS)
                    .reinterpretAsFloats()
                    .mul(factor)
                    .intoMemorySegment(panel, 16L * i, LE);
        }
    }

    private static void expandExact(MemorySegment data, long at, float scale, MemorySegment panels, long to) {
        MemorySegment w = data.asSlice(at, BLOCK);
        MemorySegment panel = panels.asSlice(to, 16L * BLOCK - 3L * BYTES);
        FloatVector factor = FloatVector.broadcast(F32, scale);
        for (int i = 0; i < BLOCK; i += COUNT) {
            E4m3.exact(E4m3.bits(w, i)).mul(factor).intoMemorySegment(panel, 16L * i, LE);
        }
    }

    /** Columns of a row in blocks that are not usual or not whole. */
    private void expandRest(int row, int from, int count, MemorySegment panels, long to) {
        int blockCols = weight.blockCols();
        int end;
        for (int i = 0; i < count; i = end) {
            int column = (from + i) / blockCols;
            end = (int) Math.min(count, (column + 1L) * blockCols - from);
            expandRest(weight.data(), at(row) + from + i, end - i, scale(row, column), panels, to + 16L * i);
        }
    }

    private static void expandRest(MemorySegment data, long at, int count, float scale, MemorySegment panels, long to) {
        MemorySegment w = data.asSlice(at, count);
        MemorySegment panel = panels.asSlice(to);
        FloatVector factor = FloatVector.broadcast(F32, scale);
        int whole = count & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            E4m3.exact(E4m3.bits(w, i)).mul(factor).intoMemorySegment(panel, 16L * i, LE);
        }
        if (whole < count) {
            E4m3.exact(E4m3.lastBits(w, whole, count)).mul(factor).intoMemorySegment(panel, 16L * whole, LE);
        }
    }

    private void expandSlowly(int row, int from, int count, MemorySegment panel, long to) {
        for (int i = 0; i < Lanes.padded(count); i++) {
            float value = 0;
            if (i < count) {
                byte code = weight.data().get(ValueLayout.JAVA_BYTE, at(row) + from + i);
                value = Codecs.e4m3ToFloat(code) * scale(row, (from + i) / weight.blockCols());
            }
            panel.set(Tensor.F32, to + 16L * (i & -COUNT) + 4L * (i & (COUNT - 1)), value);
        }
    }

    /**
     * Which blocks of columns hold neither zeros nor subnormals nor NaN in any of four rows: bit i for the i-th.
     *
     * @param from   at a block's border
     * @param count  whole blocks, at most 64
     */
    private long plainBlocks(int row, int from, int count) {
        if (!scalesArePlain) {
            return 0;
        }
        MemorySegment data = weight.data();
        long plain = 0;
        for (int block = 0; block < count; block += BLOCK) {
            if (isPlain(
                    data,
                    at(row) + from + block,
                    at(row + 1) + from + block,
                    at(row + 2) + from + block,
                    at(row + 3) + from + block)) {
                plain |= 1L << (block / BLOCK);
            }
        }
        return plain;
    }

    private static boolean isPlain(MemorySegment data, long at0, long at1, long at2, long at3) {
        MemorySegment w0 = data.asSlice(at0, BLOCK);
        MemorySegment w1 = data.asSlice(at1, BLOCK);
        MemorySegment w2 = data.asSlice(at2, BLOCK);
        MemorySegment w3 = data.asSlice(at3, BLOCK);
        // Doubling a code drops its sign; plus 2, NaN, zero and the subnormals are 0 to 16 and all others 18 to 254.
        // Plus another 128, so that the signed minimum finds them.
        ByteVector shift = ByteVector.broadcast(I8_WIDE, (byte) 130);
        ByteVector least = ByteVector.broadcast(I8_WIDE, (byte) 127);
        for (int i = 0; i < BLOCK; i += BYTES) {
            ByteVector a = ByteVector.fromMemorySegment(I8_WIDE, w0, i, LE);
            ByteVector b = ByteVector.fromMemorySegment(I8_WIDE, w1, i, LE);
            least = least.min(a.add(a).add(shift)).min(b.add(b).add(shift));
            a = ByteVector.fromMemorySegment(I8_WIDE, w2, i, LE);
            b = ByteVector.fromMemorySegment(I8_WIDE, w3, i, LE);
            least = least.min(a.add(a).add(shift)).min(b.add(b).add(shift));
        }
        return !least.compare(VectorOperators.LT, (byte) (18 - 128)).anyTrue();
    }

    /** Usual blocks only: the others are rare enough to go through a float32 copy. */
    @Override
    public boolean streams() {
        return usualBlocks && weight.cols() % BLOCK == 0 && COUNT > 4;
    }

    @Override
    public void multiply(
            int row, int from, int count, MemorySegment x, long xAt, MemorySegment acc, Workspace workspace) {
        FloatVector zero = FloatVector.zero(F32);
        for (int r = 0; r < HEIGHT; r++) {
            zero.intoMemorySegment(acc, (long) r * BYTES, LE);
        }
        long plain = plainBlocks(row, from, count);
        int end;
        for (int block = 0; block < count; block = end) {
            boolean isPlain = (plain & 1) != 0;
            end = block;
            // As many blocks of one kind as follow each other.
            do {
                end += BLOCK;
                plain >>>= 1;
            } while (end < count && (plain & 1) != 0 == isPlain);
            if (isPlain) {
                addPlain(row, from + block, from + end, x, xAt, acc);
            } else {
                addOther(row, from + block, from + end, x, xAt, acc);
            }
        }
    }

    /** Adds the products of plain blocks, columns [from, to), of four rows. */
    private void addPlain(int row, int from, int to, MemorySegment xs, long xAt, MemorySegment acc) {
        MemorySegment data = weight.data();
        long at0 = at(row);
        long at1 = at(row + 1);
        long at2 = at(row + 2);
        long at3 = at(row + 3);
        MemorySegment scales = weight.scales().data();
        long scaleAt0 = scaleAt(row);
        long scaleAt1 = scaleAt(row + 1);
        long scaleAt2 = scaleAt(row + 2);
        long scaleAt3 = scaleAt(row + 3);
        FloatVector a0 = FloatVector.fromMemorySegment(F32, acc, 0, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F32, acc, BYTES, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F32, acc, 2L * BYTES, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F32, acc, 3L * BYTES, LE);
        for (int block = from; block < to; block += BLOCK) {
            long scale = 4L * (block / BLOCK);
            FloatVector f0 = FloatVector.broadcast(F32, scales.get(Tensor.F32, scaleAt0 + scale) * 0x1p120f);
            MemorySegment w0 = data.asSlice(at0 + block, BLOCK);
            FloatVector f1 = FloatVector.broadcast(F32, scales.get(Tensor.F32, scaleAt1 + scale) * 0x1p120f);
            MemorySegment w1 = data.asSlice(at1 + block, BLOCK);
            FloatVector f2 = FloatVector.broadcast(F32, scales.get(Tensor.F32, scaleAt2 + scale) * 0x1p120f);
            MemorySegment w2 = data.asSlice(at2 + block, BLOCK);
            FloatVector f3 = FloatVector.broadcast(F32, scales.get(Tensor.F32, scaleAt3 + scale) * 0x1p120f);
            MemorySegment w3 = data.asSlice(at3 + block, BLOCK);
            MemorySegment x = xs.asSlice(xAt + 4L * block, 4L * BLOCK);
            for (int i = 0; i < BLOCK; i += COUNT) {
                FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
                a0 = v.fma(
                        ((IntVector) ByteVector.fromMemorySegment(E4m3.I8, w0, i, LE)
                                        .convertShape(VectorOperators.B2I, I32, 0))
                                .lanewise(VectorOperators.LSHL, 20)
                                .and(E4m3.CODE_BITS)
                                .reinterpretAsFloats()
                                .mul(f0),
                        a0);
                a1 = v.fma(
                        ((IntVector) ByteVector.fromMemorySegment(E4m3.I8, w1, i, LE)
                                        .convertShape(VectorOperators.B2I, I32, 0))
                                .lanewise(VectorOperators.LSHL, 20)
                                .and(E4m3.CODE_BITS)
                                .reinterpretAsFloats()
                                .mul(f1),
                        a1);
                a2 = v.fma(
                        ((IntVector) ByteVector.fromMemorySegment(E4m3.I8, w2, i, LE)
                                        .convertShape(VectorOperators.B2I, I32, 0))
                                .lanewise(VectorOperators.LSHL, 20)
                                .and(E4m3.CODE_BITS)
                                .reinterpretAsFloats()
                                .mul(f2),
                        a2);
                a3 = v.fma(
                        ((IntVector) ByteVector.fromMemorySegment(E4m3.I8, w3, i, LE)
                                        .convertShape(VectorOperators.B2I, I32, 0))
                                .lanewise(VectorOperators.LSHL, 20)
                                .and(E4m3.CODE_BITS)
                                .reinterpretAsFloats()
                                .mul(f3),
                        a3);
            }
        }
        a0.intoMemorySegment(acc, 0, LE);
        a1.intoMemorySegment(acc, BYTES, LE);
        a2.intoMemorySegment(acc, 2L * BYTES, LE);
        a3.intoMemorySegment(acc, 3L * BYTES, LE);
    }

    /** Adds the products of other blocks, columns [from, to), of four rows. */
    private void addOther(int row, int from, int to, MemorySegment xs, long xAt, MemorySegment acc) {
        for (int r = 0; r < HEIGHT; r++) {
            FloatVector a = FloatVector.fromMemorySegment(F32, acc, (long) r * BYTES, LE);
            for (int block = from; block < to; block += BLOCK) {
                MemorySegment w = weight.data().asSlice(at(row + r) + block, BLOCK);
                MemorySegment x = xs.asSlice(xAt + 4L * block, 4L * BLOCK);
                FloatVector factor = FloatVector.broadcast(F32, scale(row + r, block / BLOCK));
                for (int i = 0; i < BLOCK; i += COUNT) {
                    FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
                    a = v.fma(E4m3.exact(E4m3.bits(w, i)).mul(factor), a);
                }
            }
            a.intoMemorySegment(acc, (long) r * BYTES, LE);
        }
    }
}
