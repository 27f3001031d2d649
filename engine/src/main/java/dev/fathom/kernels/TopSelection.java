package dev.fathom.kernels;

import java.util.Arrays;

/**
 * Finds the largest numbers of an array without sorting all of it: a heap of the best so far. Ties go to the lower
 * index.
 */
public final class TopSelection {
    /** The order of the best: number, then lower index. As long as the largest selection so far. */
    private long[] keys = new long[64];

    private int count;

    /** Selects the {@code wanted} largest of {@code values[0, length)}, or all if there are fewer. */
    public void select(float[] values, int length, int wanted) {
        count = Math.min(wanted, length);
        if (keys.length < count) {
            keys = new long[Math.max(count, Math.min(length, 2 * keys.length))];
        }
        for (int i = 0; i < count; i++) {
            keys[i] = key(values[i], i);
        }
        if (count < length && count > 0) {
            replaceSmaller(values, length);
        }
        Arrays.sort(keys, 0, count);
    }

    public int count() {
        return count;
    }

    /** Index of the number at {@code rank}, 0 being the largest. */
    public int index(int rank) {
        return ~(int) keys[count - 1 - rank];
    }

    private void replaceSmaller(float[] values, int length) {
        for (int i = count / 2 - 1; i >= 0; i--) {
            siftDown(i);
        }
        float least = values[~(int) keys[0]];
        for (int i = count; i < length; i++) {
            // An equal number has a higher index here, so it is no better.
            if (values[i] > least) {
                keys[0] = key(values[i], i);
                siftDown(0);
                least = values[~(int) keys[0]];
            }
        }
    }

    private void siftDown(int start) {
        long moved = keys[start];
        int at = start;
        int child = 2 * at + 1;
        while (child < count) {
            if (child + 1 < count && keys[child + 1] < keys[child]) {
                child++;
            }
            if (keys[child] >= moved) {
                break;
            }
            keys[at] = keys[child];
            at = child;
            child = 2 * at + 1;
        }
        keys[at] = moved;
    }

    /** A long that orders like the number, then by descending index. The sum with zero makes -0 equal to 0. */
    private static long key(float value, int index) {
        int bits = Float.floatToRawIntBits(value + 0f);
        int ordered = bits ^ (bits >> 31 & 0x7FFFFFFF);
        return (long) ordered << 32 | (~index & 0xFFFFFFFFL);
    }
}
