package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The positions of the largest scores, found by their bits: three passes narrow down the smallest score that is chosen, from
 * its upper bits to its lowest, and a last one collects. The cost is that of reading the scores a few times, whatever they are.
 */
public final class LargestScores {
    private static final int BITS = 11;
    private static final int BUCKETS = 1 << BITS;

    private final int[] buckets = new int[BUCKETS];

    /**
     * Of equal scores that of the lower position is the larger. Zeros are equal whatever their sign; NaN is larger than every
     * number.
     *
     * @param scores  float32 numbers, from byte {@code at} on
     * @param seen    how many there are
     * @param count   at most {@code seen}
     * @return [count] positions, ascending
     */
    public int[] positions(MemorySegment scores, long at, int seen, int count) {
        int smallest = 0;
        int known = 0;
        int missing = count;
        for (int shift = 32 - BITS; shift >= 0; shift = next(shift)) {
            Arrays.fill(buckets, 0);
            for (int i = 0; i < seen; i++) {
                int order = order(scores.get(Tensor.F32, at + 4L * i));
                if ((order & known) == smallest) {
                    buckets[order >>> shift & BUCKETS - 1]++;
                }
            }
            int bucket = BUCKETS - 1;
            while (buckets[bucket] < missing) {
                missing -= buckets[bucket--];
            }
            smallest |= bucket << shift;
            known = -1 << shift;
        }
        return collect(scores, at, count, smallest, missing);
    }

    /** 21, 10, 0: the last two overlap in a bit, which is known by then. */
    private static int next(int shift) {
        return shift == 0 ? -1 : Math.max(0, shift - BITS);
    }

    private static int[] collect(MemorySegment scores, long at, int count, int smallest, int equals) {
        int[] chosen = new int[count];
        int filled = 0;
        int left = equals;
        for (int i = 0; filled < count; i++) {
            int compared = Integer.compareUnsigned(order(scores.get(Tensor.F32, at + 4L * i)), smallest);
            if (compared > 0 || (compared == 0 && left-- > 0)) {
                chosen[filled++] = i;
            }
        }
        return chosen;
    }

    /** Unsigned numbers in the order of the scores. */
    private static int order(float score) {
        int bits = Float.floatToIntBits(score + 0f);
        return bits < 0 ? ~bits : bits | Integer.MIN_VALUE;
    }
}
