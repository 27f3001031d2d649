package dev.fathom.cache;

import java.util.BitSet;

/**
 * Hands out the pages of the key-value cache. Page p holds the slots [p * pageSize, (p + 1) * pageSize). Not
 * thread-safe: the engine thread owns it.
 */
final class PagePool {
    private final int pageSize;
    /** The first {@code freeCount} entries are the free pages; the last of them is taken next. */
    private final int[] free;

    private final BitSet taken;
    private int freeCount;

    PagePool(int pages, int pageSize) {
        if (pages < 1 || pageSize < 1) {
            throw new IllegalArgumentException(
                    "a page pool needs at least one page of one slot, got " + pages + " pages of " + pageSize);
        }
        Math.multiplyExact(pages, pageSize);
        this.pageSize = pageSize;
        free = new int[pages];
        taken = new BitSet(pages);
        for (int i = 0; i < pages; i++) {
            free[i] = pages - 1 - i;
        }
        freeCount = pages;
    }

    int pageSize() {
        return pageSize;
    }

    int pages() {
        return free.length;
    }

    int freePages() {
        return freeCount;
    }

    /** @throws IllegalStateException if no page is free: the caller must look first */
    int take() {
        if (freeCount == 0) {
            throw new IllegalStateException("all " + free.length + " pages are taken");
        }
        int page = free[--freeCount];
        taken.set(page);
        return page;
    }

    /** @throws IllegalStateException if the page is free already */
    void free(int page) {
        if (page < 0 || page >= free.length) {
            throw new IllegalArgumentException("page " + page + " is outside [0, " + free.length + ")");
        }
        if (!taken.get(page)) {
            throw new IllegalStateException("page " + page + " is freed twice");
        }
        taken.clear(page);
        free[freeCount++] = page;
    }

    boolean isTaken(int page) {
        return taken.get(page);
    }
}
