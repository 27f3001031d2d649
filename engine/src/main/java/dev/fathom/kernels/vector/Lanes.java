package dev.fathom.kernels.vector;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector shapes all kernels use, and the few operations whose result must not depend on how far the JIT has come.
 *
 * <p>{@code FloatVector.reduceLanes(ADD)} leaves the order of additions open and differs between interpreted and compiled
 * code, and {@code lanewise(EXP)} calls a different library in each. Bit-for-bit batch invariance needs neither, so sums
 * over lanes and the exponential are written out here from operations that round once.
 */
final class Lanes {
    /** Floats: the widest shape the processor likes, at most 512 bits. */
    static final VectorSpecies<Float> F32 =
            FloatVector.SPECIES_PREFERRED.length() > 16 ? FloatVector.SPECIES_512 : FloatVector.SPECIES_PREFERRED;

    /** Lanes of a float vector: 4, 8 or 16. */
    static final int COUNT = F32.length();

    /** Ints of the same shape. */
    static final VectorSpecies<Integer> I32 = VectorSpecies.of(int.class, F32.vectorShape());

    /** As many shorts as there are float lanes. */
    static final VectorSpecies<Short> I16 = VectorSpecies.of(short.class, VectorShape.forBitSize(16 * COUNT));

    /** Bytes of the same shape as the floats: four for each float lane. */
    static final VectorSpecies<Byte> I8_WIDE = VectorSpecies.of(byte.class, F32.vectorShape());

    static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    /** Bytes of one float vector. */
    static final int BYTES = 4 * COUNT;

    static final VectorShuffle<Float> SWAP_8 = swap(8);
    static final VectorShuffle<Float> SWAP_4 = swap(4);
    static final VectorShuffle<Float> SWAP_2 = swap(2);
    static final VectorShuffle<Float> SWAP_1 = swap(1);
    static final VectorMask<Float> BIT_8 = bit(8);
    static final VectorMask<Float> BIT_4 = bit(4);
    static final VectorMask<Float> BIT_2 = bit(2);
    static final VectorMask<Float> BIT_1 = bit(1);

    private Lanes() {}

    private static VectorShuffle<Float> swap(int distance) {
        return VectorShuffle.fromOp(F32, i -> distance < COUNT ? i ^ distance : i);
    }

    private static VectorMask<Float> bit(int value) {
        boolean[] set = new boolean[COUNT];
        for (int i = 0; i < COUNT; i++) {
            set[i] = (i & value) != 0;
        }
        return VectorMask.fromArray(F32, set, 0);
    }

    /** {@code count} rounded up to whole vectors. */
    static int padded(int count) {
        return (count + COUNT - 1) & -COUNT;
    }

    /** The sum of all lanes: halves are added, then quarters, and so on. */
    static float sum(FloatVector v) {
        if (COUNT >= 16) {
            v = v.add(v.rearrange(SWAP_8));
        }
        if (COUNT >= 8) {
            v = v.add(v.rearrange(SWAP_4));
        }
        v = v.add(v.rearrange(SWAP_2));
        return v.add(v.rearrange(SWAP_1)).lane(0);
    }

    private static final float LOG2_E = 1.442695f;
    // ln 2 in two pieces; the first has few enough bits for its product with any exponent to be exact.
    private static final float LN2_HIGH = 0x1.63p-1f;
    private static final float LN2_LOW = -0.00021219444f;
    /** Below this the exponential is zero here (truly below 1.7e-38). */
    private static final float SMALLEST = -87f;
    /** Above this the exponential is that of this here. */
    private static final float LARGEST = 88f;
    /** 1.5 * 2^23: adding it rounds a small float to an integer in its low bits. */
    private static final float ROUND = 12582912f;

    /**
     * e to the power of each lane, for x up to {@value #LARGEST}: relative error below 2e-7 from {@value #SMALLEST} up,
     * zero below that. NaN stays NaN.
     *
     * @see "Cephes, expf: range reduction by ln 2 in two pieces, polynomial of degree 5 on the rest"
     */
    static FloatVector exp(FloatVector x) {
        FloatVector clamped = x.blend(LARGEST, x.compare(VectorOperators.GT, LARGEST));
        clamped = clamped.blend(SMALLEST, clamped.compare(VectorOperators.LT, SMALLEST));
        FloatVector shifted = clamped.fma(FloatVector.broadcast(F32, LOG2_E), FloatVector.broadcast(F32, ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(FloatVector.broadcast(F32, -LN2_HIGH), clamped);
        r = n.fma(FloatVector.broadcast(F32, -LN2_LOW), r);
        FloatVector p = r.fma(FloatVector.broadcast(F32, 0.00019875691f), FloatVector.broadcast(F32, 0.0013981999f));
        p = p.fma(r, FloatVector.broadcast(F32, 0.008333452f));
        p = p.fma(r, FloatVector.broadcast(F32, 0.041665796f));
        p = p.fma(r, FloatVector.broadcast(F32, 0.16666666f));
        p = p.fma(r, FloatVector.broadcast(F32, 0.5f));
        p = p.fma(r.mul(r), r).add(1f);
        // n sits in the low bits of shifted; added to the exponent field it multiplies by 2^n.
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector result = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        result = result.blend(0f, x.compare(VectorOperators.LT, SMALLEST));
        return result.blend(x, x.test(VectorOperators.IS_NAN));
    }
}
