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
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * E4M3 weights with block scales, expanded in registers; every number is value * scale rounded once to float32.
 *
 * <p>Placed in a float's exponent and upper mantissa bits, a code is its value times 2^-120, and one multiplication by
 * scale * 2^120 finishes the job. E4M3 subnormals would be float subnormals on the way, which Intel processors handle in
 * microcode, over ten times slower. They are rare in trained weights (about one in 5,000), so a block of columns is looked
 * at first, and one that holds a subnormal, a zero or a NaN takes a path with a few more instructions.
 */
final class Fp8Tiles implements WeightTiles {
    private static final VectorSpecies<Byte> I8 =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * COUNT)));
    /** For four lanes, where no vector of four bytes exists: shifts that bring byte l of a word to the top of lane l. */
    private static final IntVector TO_TOP =
            IntVector.broadcast(I32, 24).sub(IntVector.broadcast(I32, 0).addIndex(8));

    /** Sign at bit 31, exponent and mantissa at bits 26 to 20. */
    private static final int CODE_BITS = 0x87F00000;

    private static final int MAGNITUDE_BITS = 0x07F00000;
    /** Scales below this cannot overflow when multiplied by 2^120. */
    private static final float LARGEST_PLAIN_SCALE = 0x1p7f;

    private final Fp8BlockMatrix weight;
    private final boolean bordersOnVectors;
    private final int blockShift;
    /** Blocks of whole byte vectors, a power of two, with scales that are not too large: plain ones may go the short way. */
    private final boolean wideBlocks;

    Fp8Tiles(Fp8BlockMatrix weight) {
        this.weight = weight;
        bordersOnVectors = weight.blockCols() % COUNT == 0 || weight.blockCols() >= weight.cols();
        // Four lanes have no vector of four bytes to convert from: all codes go the long way there.
        blockShift = Integer.numberOfTrailingZeros(weight.blockCols());
        wideBlocks = weight.blockCols() == 1 << blockShift
                && weight.blockCols() >= BYTES
                && COUNT > 4
                && scalesArePlain(weight.scales());
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
    public void expand(int row, int from, int count, MemorySegment panel) {
        if (!bordersOnVectors) {
            for (int r = 0; r < HEIGHT; r++) {
                expandSlowly(row + r, from, count, panel, (long) r * BYTES);
            }
            return;
        }
        int blockCols = weight.blockCols();
        long plain = wideBlocks && from % blockCols == 0 ? plainBlocks(row, from, count / blockCols * blockCols) : 0;
        int end;
        for (int i = 0; i < count; i = end) {
            boolean isPlain = (plain & 1) != 0;
            // As many blocks of one kind as there are in a row.
            end = i;
            do {
                plain >>>= 1;
                end = (int) Math.min(count, ((from + end) / blockCols + 1L) * blockCols - from);
            } while (end < count && (plain & 1) != 0 == isPlain);
            for (int r = 0; r < HEIGHT; r++) {
                long to = 16L * i + (long) r * BYTES;
                if (isPlain) {
                    expandPlain(row + r, from + i, end - i, panel, to);
                } else {
                    expandExact(row + r, from + i, end - i, panel, to);
                }
            }
        }
    }

    /** Whole plain blocks of a row. */
    private void expandPlain(int row, int from, int count, MemorySegment panels, long to) {
        MemorySegment w = weight.data().asSlice(at(row) + from, count);
        MemorySegment panel = panels.asSlice(to);
        MemorySegment scales = weight.scales().data();
        long scaleAt = scaleAt(row) + 4L * (from >> blockShift);
        // One long loop that looks up its scale, not one for each block: loops of eight rounds are slow.
        for (int i = 0; i < count; i += BYTES) {
            float scale = scales.get(Tensor.F32, scaleAt + 4L * (i >> blockShift));
            FloatVector factor = FloatVector.broadcast(F32, scale * 0x1p120f);
            ((IntVector) ByteVector.fromMemorySegment(I8, w, i, LE).convertShape(VectorOperators.B2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 20)
                    .and(CODE_BITS)
                    .reinterpretAsFloats()
                    .mul(factor)
                    .intoMemorySegment(panel, 16L * i, LE);
            ((IntVector) ByteVector.fromMemorySegment(I8, w, i + COUNT, LE).convertShape(VectorOperators.B2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 20)
                    .and(CODE_BITS)
                    .reinterpretAsFloats()
                    .mul(factor)
                    .intoMemorySegment(panel, 16L * i + 4L * BYTES, LE);
            ((IntVector) ByteVector.fromMemorySegment(I8, w, i + 2 * COUNT, LE)
                            .convertShape(VectorOperators.B2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 20)
                    .and(CODE_BITS)
                    .reinterpretAsFloats()
                    .mul(factor)
                    .intoMemorySegment(panel, 16L * i + 8L * BYTES, LE);
            ((IntVector) ByteVector.fromMemorySegment(I8, w, i + 3 * COUNT, LE)
                            .convertShape(VectorOperators.B2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 20)
                    .and(CODE_BITS)
                    .reinterpretAsFloats()
                    .mul(factor)
                    .intoMemorySegment(panel, 16L * i + 12L * BYTES, LE);
        }
    }

    /** Columns of a row with any codes; blocks need not be whole. */
    private void expandExact(int row, int from, int count, MemorySegment panels, long to) {
        int blockCols = weight.blockCols();
        int end;
        for (int i = 0; i < count; i = end) {
            int column = (from + i) / blockCols;
            end = (int) Math.min(count, (column + 1L) * blockCols - from);
            expandExact(weight.data(), at(row) + from + i, end - i, scale(row, column), panels, to + 16L * i);
        }
    }

    private static void expandExact(
            MemorySegment data, long at, int count, float scale, MemorySegment panels, long to) {
        MemorySegment w = data.asSlice(at, count);
        MemorySegment panel = panels.asSlice(to);
        FloatVector factor = FloatVector.broadcast(F32, scale);
        int whole = count & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            exact(bits(w, i)).mul(factor).intoMemorySegment(panel, 16L * i, LE);
        }
        if (whole < count) {
            exact(lastBits(w, whole, count)).mul(factor).intoMemorySegment(panel, 16L * whole, LE);
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
        MemorySegment data = weight.data();
        MemorySegment w0 = data.asSlice(at(row) + from, count);
        MemorySegment w1 = data.asSlice(at(row + 1) + from, count);
        MemorySegment w2 = data.asSlice(at(row + 2) + from, count);
        MemorySegment w3 = data.asSlice(at(row + 3) + from, count);
        int blockCols = weight.blockCols();
        long plain = 0;
        long bit = 1;
        // Doubling a code drops its sign; plus 2, NaN, zero and the subnormals are 0 to 16 and all others 18 to 254.
        // Plus another 128, so that the signed minimum finds them.
        ByteVector shift = ByteVector.broadcast(I8_WIDE, (byte) 130);
        for (int block = 0; block < count; block += blockCols) {
            int end = block + blockCols;
            ByteVector least = ByteVector.broadcast(I8_WIDE, (byte) 127);
            for (int i = block; i < end; i += BYTES) {
                ByteVector a = ByteVector.fromMemorySegment(I8_WIDE, w0, i, LE);
                ByteVector b = ByteVector.fromMemorySegment(I8_WIDE, w1, i, LE);
                least = least.min(a.add(a).add(shift)).min(b.add(b).add(shift));
                a = ByteVector.fromMemorySegment(I8_WIDE, w2, i, LE);
                b = ByteVector.fromMemorySegment(I8_WIDE, w3, i, LE);
                least = least.min(a.add(a).add(shift)).min(b.add(b).add(shift));
            }
            if (!least.compare(VectorOperators.LT, (byte) (18 - 128)).anyTrue()) {
                plain |= bit;
            }
            bit <<= 1;
        }
        return plain;
    }

    /** COUNT codes, each with its sign at bit 31 and its other bits at 26 to 20 of an int. */
    private static IntVector bits(MemorySegment w, int at) {
        if (COUNT == 4) {
            return spread(w.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at));
        }
        ByteVector codes = ByteVector.fromMemorySegment(I8, w, at, LE);
        return ((IntVector) codes.convertShape(VectorOperators.B2I, I32, 0))
                .lanewise(VectorOperators.LSHL, 20)
                .and(CODE_BITS);
    }

    /** As {@link #bits} for the last columns; lanes past them are zero. */
    private static IntVector lastBits(MemorySegment w, int at, int end) {
        if (COUNT == 4) {
            int word = 0;
            for (int i = at; i < end; i++) {
                word |= (w.get(ValueLayout.JAVA_BYTE, i) & 0xFF) << (8 * (i - at));
            }
            return spread(word);
        }
        VectorMask<Byte> tail = I8.indexInRange(at, end);
        ByteVector codes = ByteVector.fromMemorySegment(I8, w, at, LE, tail);
        return ((IntVector) codes.convertShape(VectorOperators.B2I, I32, 0))
                .lanewise(VectorOperators.LSHL, 20)
                .and(CODE_BITS);
    }

    /** The four codes of a word in four lanes, as {@link #bits} has them. */
    private static IntVector spread(int word) {
        return IntVector.broadcast(I32, word)
                .lanewise(VectorOperators.LSHL, TO_TOP)
                .lanewise(VectorOperators.ASHR, 4)
                .and(CODE_BITS);
    }

    /** The value of any code without a subnormal float on the way. */
    private static FloatVector exact(IntVector bits) {
        IntVector magnitude = bits.and(MAGNITUDE_BITS);
        // Exponent field 0 read as 2^-7 (1 + m / 8) instead of 2^-9 m: twice that minus 2^-6 is right there, and not
        // smaller than the number everywhere else, so the smaller of the two is right everywhere.
        IntVector normal = magnitude.add(120 << 23);
        FloatVector twice =
                normal.reinterpretAsFloats().fma(FloatVector.broadcast(F32, 2f), FloatVector.broadcast(F32, -0x1p-6f));
        IntVector finite = normal.min(twice.reinterpretAsInts());
        IntVector all = finite.blend(0x7FC00000, magnitude.compare(VectorOperators.EQ, MAGNITUDE_BITS));
        return all.lanewise(VectorOperators.OR, bits.and(0x80000000)).reinterpretAsFloats();
    }
}
