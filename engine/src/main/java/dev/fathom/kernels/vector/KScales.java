package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Codecs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The scales of blocks of 256 columns as float32, sixteen for each block, so that kernels broadcast them from memory. Done
 * for a stretch of blocks before it is multiplied: unpacked between the products they would wait for each other.
 */
final class KScales {
    private static final ValueLayout.OfLong LE_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Where the 16 signed scales of Q6_K lie in its block, and its bytes. */
    private static final int Q6_SCALES = 192;

    private static final int Q6_BYTES = 210;

    private KScales() {}

    /** The even groups' codes are read as they are, the odd ones' 16 times too large. */
    private static final FloatVector ODD_SMALLER = FloatVector.fromArray(
            FloatVector.SPECIES_256, new float[] {1, 0x1p-4f, 1, 0x1p-4f, 1, 0x1p-4f, 1, 0x1p-4f}, 0);

    /** As {@link #ODD_SMALLER} for Q6_K: four scales of codes as they are, four of larger ones, and so on. */
    private static final FloatVector FOUR_SMALLER = smaller();

    private static FloatVector smaller() {
        float[] factors = new float[COUNT];
        for (int i = 0; i < COUNT; i++) {
            factors[i] = i / 4 % 2 == 0 ? 1 : 0x1p-4f;
        }
        return FloatVector.fromArray(F32, factors, 0);
    }

    /**
     * For Q4_K and Q5_K: eight times d * scale, of odd groups divided by 16, then eight times -dmin * minimum.
     *
     * @param at        byte offset of the first block, which begins with d, dmin and the packed scales
     * @param blocks    how many, each of {@code blockBytes}
     * @param to        byte offset of the first block's scales
     */
    static void of(MemorySegment data, long at, int blockBytes, int blocks, MemorySegment scales, long to) {
        MemorySegment w = data.asSlice(at, (long) blocks * blockBytes);
        for (int i = 0; i < blocks; i++) {
            long block = (long) i * blockBytes;
            long place = to + (long) i * BlockTiles.BLOCK_SCALES;
            // Four bytes at once; see BlockFormat for where the bits lie.
            int low = w.get(Codecs.LE_INT, block + 4);
            int middle = w.get(Codecs.LE_INT, block + 8);
            int high = w.get(Codecs.LE_INT, block + 12);
            scales.set(LE_LONG, place, eight(low & 0x3F3F3F3F, (high & 0x0F0F0F0F) | ((low >>> 2) & 0x30303030)));
            int upper = ((high >>> 4) & 0x0F0F0F0F) | ((middle >>> 2) & 0x30303030);
            scales.set(LE_LONG, place + 32, eight(middle & 0x3F3F3F3F, upper));
            float scale = Float.float16ToFloat(w.get(Codecs.LE_SHORT, block));
            float minimum = -Float.float16ToFloat(w.get(Codecs.LE_SHORT, block + 2));
            ((FloatVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_64, scales, place, LE)
                            .convertShape(VectorOperators.B2F, FloatVector.SPECIES_256, 0))
                    .mul(scale)
                    .mul(ODD_SMALLER)
                    .intoMemorySegment(scales, place, LE);
            ((FloatVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_64, scales, place + 32, LE)
                            .convertShape(VectorOperators.B2F, FloatVector.SPECIES_256, 0))
                    .mul(minimum)
                    .intoMemorySegment(scales, place + 32, LE);
        }
    }

    /** Two words of four bytes below 64 as one: what is stored at once can be loaded again at once. */
    private static long eight(int first, int second) {
        return first | ((long) second << 32);
    }

    /**
     * For Q6_K: sixteen times d * scale, of the columns whose low bits are in upper halves divided by 16, then sixteen
     * times -32 d * scale.
     */
    static void ofQ6(MemorySegment data, long at, int blocks, MemorySegment scales, long to) {
        MemorySegment w = data.asSlice(at, (long) blocks * Q6_BYTES);
        for (int b = 0; b < blocks; b++) {
            long block = (long) b * Q6_BYTES;
            long place = to + (long) b * BlockTiles.BLOCK_SCALES;
            float d = Float.float16ToFloat(w.get(Codecs.LE_SHORT, block + 208));
            for (int i = 0; i < 16; i += COUNT) {
                FloatVector s = ((FloatVector) ByteVector.fromMemorySegment(BlockTiles.I8, w, block + Q6_SCALES + i, LE)
                                .convertShape(VectorOperators.B2F, F32, 0))
                        .mul(d);
                s.mul(FOUR_SMALLER).intoMemorySegment(scales, place + 4L * i, LE);
                s.mul(-32).intoMemorySegment(scales, place + 64 + 4L * i, LE);
            }
        }
    }
}
