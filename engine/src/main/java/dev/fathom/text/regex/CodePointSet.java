package dev.fathom.text.regex;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * A set of code points given by a predicate, asked through bitmaps of 256 code points that are filled on first use.
 *
 * <p>Safe for use by many threads: a page is published with release semantics, and computing one twice is harmless.
 */
final class CodePointSet {
    private static final int PAGE = 256;
    private static final int PAGES = (Character.MAX_CODE_POINT + 1) / PAGE;

    private final IntPredicate predicate;
    private final long[] first;
    /** Made on the first code point beyond page 0: most sets are single characters and never need it. */
    private volatile @Nullable AtomicReferenceArray<long[]> pages;

    CodePointSet(IntPredicate predicate) {
        this.predicate = predicate;
        this.first = page(0);
    }

    boolean contains(int codePoint) {
        long[] page = first;
        if (codePoint >= PAGE) {
            page = later(codePoint / PAGE);
        }
        return (page[(codePoint & (PAGE - 1)) >>> 6] & (1L << codePoint)) != 0;
    }

    private long[] later(int index) {
        AtomicReferenceArray<long[]> all = pages;
        if (all == null) {
            all = new AtomicReferenceArray<>(PAGES);
            pages = all;
        }
        long[] page = all.getAcquire(index);
        if (page == null) {
            page = page(index);
            all.setRelease(index, page);
        }
        return page;
    }

    IntPredicate predicate() {
        return predicate;
    }

    private long[] page(int index) {
        long[] bits = new long[PAGE / Long.SIZE];
        for (int i = 0; i < PAGE; i++) {
            if (predicate.test(index * PAGE + i)) {
                bits[i >>> 6] |= 1L << i;
            }
        }
        return bits;
    }
}
