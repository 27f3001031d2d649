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

    /**
     * For Q4_K and Q5_K: eight times d * scale, then eight times -dmin * minimum.
     *
     * @param at        byte offset of the first block, which begins with d, dmin and the packed scales
     * @param blocks    how many, each of {@code blockBytes}
     * @param scaleAt   byte offset of the first block's scales
     * @param step      bytes from a block's scales to the next block's
     */
    static void of(
            MemorySegment data, long at, int blockBytes, int blocks, MemorySegment scales, long scaleAt, int step) {
        MemorySegment w = data.asSlice(at, (long) blocks * blockBytes);
        for (int i = 0; i < blocks; i++) {
            long block = (long) i * blockBytes;
            long to = scaleAt + (long) i * step;
            // Four bytes at once; see BlockFormat for where the bits lie.
            int low = w.get(Codecs.LE_INT, block + 4);
            int middle = w.get(Codecs.LE_INT, block + 8);
            int high = w.get(Codecs.LE_INT, block + 12);
            scales.set(LE_LONG, to, eight(low & 0x3F3F3F3F, (high & 0x0F0F0F0F) | ((low >>> 2) & 0x30303030)));
            int upper = ((high >>> 4) & 0x0F0F0F0F) | ((middle >>> 2) & 0x30303030);
            scales.set(LE_LONG, to + 32, eight(middle & 0x3F3F3F3F, upper));
            float scale = Float.float16ToFloat(w.get(Codecs.LE_SHORT, block));
            float minimum = -Float.float16ToFloat(w.get(Codecs.LE_SHORT, block + 2));
            multiply(scales, to, scale);
            multiply(scales, to + 32, minimum);
        }
    }

    /** Two words of four bytes below 64 as one: what is stored at once can be loaded again at once. */
    private static long eight(int first, int second) {
        return first | ((long) second << 32);
    }

    /** Eight bytes, none above 63, become eight floats in the same place. */
    private static void multiply(MemorySegment scales, long at, float factor) {
        ((FloatVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_64, scales, at, LE)
                        .convertShape(VectorOperators.B2F, FloatVector.SPECIES_256, 0))
                .mul(factor)
                .intoMemorySegment(scales, at, LE);
    }

    /** For Q6_K: sixteen times d * scale. */
    static void ofQ6(MemorySegment data, long at, int blocks, MemorySegment scales, long scaleAt, int step) {
        MemorySegment w = data.asSlice(at, (long) blocks * Q6_BYTES);
        for (int b = 0; b < blocks; b++) {
            long block = (long) b * Q6_BYTES;
            float d = Float.float16ToFloat(w.get(Codecs.LE_SHORT, block + 208));
            for (int i = 0; i < 16; i += COUNT) {
                ((FloatVector) ByteVector.fromMemorySegment(BlockTiles.I8, w, block + Q6_SCALES + i, LE)
                                .convertShape(VectorOperators.B2F, F32, 0))
                        .mul(d)
                        .intoMemorySegment(scales, scaleAt + (long) b * step + 4L * i, LE);
            }
        }
    }
}
