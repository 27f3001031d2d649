package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Codecs;
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

/** Vectors of E4M3 codes, to numbers and back. */
final class E4m3 {
    /** As many bytes as there are float lanes, or eight where there are four. */
    static final VectorSpecies<Byte> I8 = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * COUNT)));

    /** Sign at bit 31, exponent and mantissa at bits 26 to 20. */
    static final int CODE_BITS = 0x87F00000;

    private static final int MAGNITUDE_BITS = 0x07F00000;
    /** For four lanes, where no vector of four bytes exists: shifts that bring byte l of a word to the top of lane l. */
    private static final IntVector TO_TOP =
            IntVector.broadcast(I32, 24).sub(IntVector.broadcast(I32, 0).addIndex(8));
    /** The smallest number that is not a subnormal. */
    private static final float SMALLEST_NORMAL = 0x1p-6f;
    /** Adding it leaves a float's lowest bit worth 2^-9, the step of subnormals. */
    private static final float ROUND = 0x1p14f;

    private E4m3() {}

    /** COUNT codes, each with its sign at bit 31 and its other bits at 26 to 20 of an int. */
    static IntVector bits(MemorySegment w, int at) {
        if (COUNT == 4) {
            return spread(w.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at));
        }
        ByteVector codes = ByteVector.fromMemorySegment(I8, w, at, LE);
        return ((IntVector) codes.convertShape(VectorOperators.B2I, I32, 0))
                .lanewise(VectorOperators.LSHL, 20)
                .and(CODE_BITS);
    }

    /** As {@link #bits} for the last columns; lanes past them are zero. */
    static IntVector lastBits(MemorySegment w, int at, int end) {
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
    static FloatVector exact(IntVector bits) {
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

    /**
     * The codes nearest to numbers that are not NaN, ties to even, saturating; in the low bytes.
     *
     * @see Codecs#floatToE4m3
     */
    static IntVector codes(FloatVector v) {
        IntVector sign =
                v.reinterpretAsInts().lanewise(VectorOperators.LSHR, 24).and(0x80);
        FloatVector magnitude = v.abs().min(Codecs.E4M3_MAX);
        IntVector bits = magnitude.reinterpretAsInts();
        IntVector odd = bits.lanewise(VectorOperators.LSHR, 20).and(1);
        IntVector normal =
                bits.add(0x7FFFF).add(odd).lanewise(VectorOperators.LSHR, 20).sub(120 << 3);
        IntVector subnormal = magnitude.add(ROUND).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        VectorMask<Integer> small =
                magnitude.compare(VectorOperators.LT, SMALLEST_NORMAL).cast(I32);
        return normal.blend(subnormal, small).lanewise(VectorOperators.OR, sign);
    }
}
