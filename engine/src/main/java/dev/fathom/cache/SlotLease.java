package dev.fathom.cache;

import java.util.Arrays;

/**
 * The cache slots one sequence holds: a prefix that belongs to the prefix index and is locked in it, then pages of its
 * own. {@link PrefixCache} alone changes it.
 */
public final class SlotLease {
    private final String cacheKey;
    private RadixNode node;
    private int[] slots;
    private int shared;
    private int allocated;
    private boolean open = true;

    SlotLease(String cacheKey, RadixNode node, int shared) {
        this.cacheKey = cacheKey;
        this.node = node;
        this.shared = shared;
        this.allocated = shared;
        this.slots = new int[Math.max(16, shared)];
    }

    /**
     * The slot of each position. Entries below {@link #allocated} never change once this array was handed out: another
     * array takes its place where a slot must change, so a batch may keep it for as long as its step runs.
     */
    public int[] slots() {
        return slots;
    }

    /** Positions whose slots belong to the prefix index (tokens). */
    public int shared() {
        return shared;
    }

    /** Positions that have a slot (tokens), a multiple of the page size. */
    public int allocated() {
        return allocated;
    }

    String cacheKey() {
        return cacheKey;
    }

    RadixNode node() {
        return node;
    }

    /** Slots no other sequence and no index knows. */
    int exclusive() {
        return allocated - shared;
    }

    void appendPage(int page, int pageSize) {
        if (allocated + pageSize > slots.length) {
            slots = Arrays.copyOf(slots, Math.max(allocated + pageSize, Math.multiplyExact(slots.length, 2)));
        }
        for (int i = 0; i < pageSize; i++) {
            slots[allocated++] = page * pageSize + i;
        }
    }

    void share(RadixNode newNode, int newShared, int[] newSlots) {
        node = newNode;
        shared = newShared;
        slots = newSlots;
    }

    void checkOpen() {
        if (!open) {
            throw new IllegalStateException("this slot lease was given back already");
        }
    }

    void close() {
        open = false;
    }
}
