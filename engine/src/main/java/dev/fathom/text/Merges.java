package dev.fathom.text;

import java.util.Arrays;

/** The merge table: a pair of ids to the pair's rank and the id it becomes; open addressing, no boxing. */
final class Merges {
    /** Answer of {@link #find} for a pair that does not merge; no packed value is negative. */
    static final long NONE = -1;

    private final long[] keys;
    private final long[] values;
    private final int mask;

    /** @param count the number of pairs that will be put */
    Merges(int count) {
        int capacity = Integer.highestOneBit(Math.max(count, 4)) * 4;
        keys = new long[capacity];
        values = new long[capacity];
        mask = capacity - 1;
        Arrays.fill(keys, NONE);
    }

    /** A later rank for the same pair replaces the earlier one, as in the reference. */
    void put(int left, int right, int rank, int merged) {
        long key = (long) left << 32 | right;
        int slot = slot(key);
        keys[slot] = key;
        values[slot] = (long) rank << 32 | merged;
    }

    /** Rank in the upper half, merged id in the lower; or {@link #NONE}. */
    long find(int left, int right) {
        long key = (long) left << 32 | right;
        int slot = slot(key);
        return keys[slot] == key ? values[slot] : NONE;
    }

    static int rank(long found) {
        return (int) (found >>> 32);
    }

    static int merged(long found) {
        return (int) found;
    }

    private int slot(long key) {
        long mixed = key * 0x9E3779B97F4A7C15L;
        int slot = (int) (mixed >>> 40) & mask;
        while (keys[slot] != key && keys[slot] != NONE) {
            slot = slot + 1 & mask;
        }
        return slot;
    }
}
