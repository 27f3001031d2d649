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
    private final boolean wideBlocks;

    Fp8Tiles(Fp8BlockMatrix weight) {
        this.weight = weight;
        bordersOnVectors = weight.blockCols() % COUNT == 0 || weight.blockCols() >= weight.cols();
        wideBlocks = weight.blockCols() % BYTES == 0;
    }

    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int cols() {
        return weight.cols();
    }

    @Override
    public boolean streams() {
        return bordersOnVectors;
    }

    private MemorySegment row(int row) {
        long bytes = weight.cols();
        return weight.data().asSlice(Math.min(row, weight.rows() - 1) * bytes, bytes);
    }

    private float scale(int row, int blockColumn) {
        return weight.scales().get(Math.min(row, weight.rows() - 1) / weight.blockRows(), blockColumn);
    }

    @Override
    public void expand(int row, int from, int count, MemorySegment panel) {
        for (int r = 0; r < HEIGHT; r++) {
            MemorySegment w = row(row + r).asSlice(from, count);
            if (bordersOnVectors) {
                expandRow(w, row + r, from, count, panel, r * BYTES);
            } else {
                expandSlowly(w, row + r, from, count, panel, r * BYTES);
            }
        }
    }

    private void expandRow(MemorySegment w, int row, int from, int count, MemorySegment panel, int at) {
        int blockCols = weight.blockCols();
        int end;
        for (int i = 0; i < count; i = end) {
            int column = (from + i) / blockCols;
            end = (int) Math.min(count, (column + 1L) * blockCols - from);
            float scale = scale(row, column);
            if (wideBlocks && (end - i) % BYTES == 0 && Math.abs(scale) < LARGEST_PLAIN_SCALE && isPlain(w, i, end)) {
                FloatVector factor = FloatVector.broadcast(F32, scale * 0x1p120f);
                for (int k = i; k < end; k += COUNT) {
                    plain(bits(w, k)).mul(factor).intoMemorySegment(panel, 16L * k + at, LE);
                }
            } else {
                FloatVector factor = FloatVector.broadcast(F32, scale);
                int whole = i + ((end - i) & -COUNT);
                for (int k = i; k < whole; k += COUNT) {
                    exact(bits(w, k)).mul(factor).intoMemorySegment(panel, 16L * k + at, LE);
                }
                if (whole < end) {
                    exact(lastBits(w, whole, end)).mul(factor).intoMemorySegment(panel, 16L * whole + at, LE);
                }
            }
        }
    }

    private void expandSlowly(MemorySegment w, int row, int from, int count, MemorySegment panel, int at) {
        for (int i = 0; i < Lanes.padded(count); i++) {
            float value = i < count
                    ? Codecs.e4m3ToFloat(w.get(ValueLayout.JAVA_BYTE, i)) * scale(row, (from + i) / weight.blockCols())
                    : 0;
            panel.set(Tensor.F32, 16L * (i & -COUNT) + at + 4L * (i & (COUNT - 1)), value);
        }
    }

    /** Whether columns [from, to) hold neither zeros nor subnormals nor NaN. */
    private static boolean isPlain(MemorySegment w, int from, int to) {
        // Doubling a code drops its sign; plus 2, NaN, zero and the subnormals are 0 to 16 and all others 18 to 254.
        // Plus another 128, so that the signed minimum finds them.
        ByteVector least = ByteVector.broadcast(I8_WIDE, (byte) 127);
        for (int i = from; i < to; i += BYTES) {
            ByteVector codes = ByteVector.fromMemorySegment(I8_WIDE, w, i, LE);
            least = least.min(codes.add(codes).add((byte) 130));
        }
        return !least.compare(VectorOperators.LT, (byte) (18 - 128)).anyTrue();
    }

    /** COUNT codes, each with its sign at bit 31 and its other bits at 26 to 20 of an int. */
    private static IntVector bits(MemorySegment w, int at) {
        if (COUNT == 4) {
            int word = w.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at);
            return IntVector.broadcast(I32, word)
                    .lanewise(VectorOperators.LSHL, TO_TOP)
                    .lanewise(VectorOperators.ASHR, 4)
                    .and(CODE_BITS);
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
            return IntVector.broadcast(I32, word)
                    .lanewise(VectorOperators.LSHL, TO_TOP)
                    .lanewise(VectorOperators.ASHR, 4)
                    .and(CODE_BITS);
        }
        VectorMask<Byte> tail = I8.indexInRange(at, end);
        ByteVector codes = ByteVector.fromMemorySegment(I8, w, at, LE, tail);
        return ((IntVector) codes.convertShape(VectorOperators.B2I, I32, 0))
                .lanewise(VectorOperators.LSHL, 20)
                .and(CODE_BITS);
    }

    /** The value times 2^-120; slow on Intel processors when it is subnormal. */
    private static FloatVector plain(IntVector bits) {
        return bits.reinterpretAsFloats();
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

    @Override
    public void multiply(int row, MemorySegment x, MemorySegment acc) {
        MemorySegment w0 = row(row);
        MemorySegment w1 = row(row + 1);
        MemorySegment w2 = row(row + 2);
        MemorySegment w3 = row(row + 3);
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        int cols = weight.cols();
        int blockCols = weight.blockCols();
        for (int block = 0, column = 0; block < cols; block += blockCols, column++) {
            float s0 = scale(row, column);
            float s1 = scale(row + 1, column);
            float s2 = scale(row + 2, column);
            float s3 = scale(row + 3, column);
            int end = Math.min(cols, block + blockCols);
            boolean plain = wideBlocks
                    && (end - block) % BYTES == 0
                    && Math.max(Math.max(Math.abs(s0), Math.abs(s1)), Math.max(Math.abs(s2), Math.abs(s3)))
                            < LARGEST_PLAIN_SCALE
                    && isPlain(w0, block, end)
                    && isPlain(w1, block, end)
                    && isPlain(w2, block, end)
                    && isPlain(w3, block, end);
            if (plain) {
                FloatVector f0 = FloatVector.broadcast(F32, s0 * 0x1p120f);
                FloatVector f1 = FloatVector.broadcast(F32, s1 * 0x1p120f);
                FloatVector f2 = FloatVector.broadcast(F32, s2 * 0x1p120f);
                FloatVector f3 = FloatVector.broadcast(F32, s3 * 0x1p120f);
                for (int i = block; i < end; i += COUNT) {
                    FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
                    a0 = v.fma(plain(bits(w0, i)).mul(f0), a0);
                    a1 = v.fma(plain(bits(w1, i)).mul(f1), a1);
                    a2 = v.fma(plain(bits(w2, i)).mul(f2), a2);
                    a3 = v.fma(plain(bits(w3, i)).mul(f3), a3);
                }
                continue;
            }
            int whole = block + ((end - block) & -COUNT);
            for (int i = block; i < whole; i += COUNT) {
                FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
                a0 = v.fma(exact(bits(w0, i)).mul(s0), a0);
                a1 = v.fma(exact(bits(w1, i)).mul(s1), a1);
                a2 = v.fma(exact(bits(w2, i)).mul(s2), a2);
                a3 = v.fma(exact(bits(w3, i)).mul(s3), a3);
            }
            if (whole < end) {
                FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * whole, LE, F32.indexInRange(whole, end));
                a0 = v.fma(exact(lastBits(w0, whole, end)).mul(s0), a0);
                a1 = v.fma(exact(lastBits(w1, whole, end)).mul(s1), a1);
                a2 = v.fma(exact(lastBits(w2, whole, end)).mul(s2), a2);
                a3 = v.fma(exact(lastBits(w3, whole, end)).mul(s3), a3);
            }
        }
        a0.intoMemorySegment(acc, 0, LE);
        a1.intoMemorySegment(acc, BYTES, LE);
        a2.intoMemorySegment(acc, 2L * BYTES, LE);
        a3.intoMemorySegment(acc, 3L * BYTES, LE);
    }
}
