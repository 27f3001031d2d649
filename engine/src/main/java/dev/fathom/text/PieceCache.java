package dev.fathom.text;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The ids of pieces seen lately, for many threads: a fixed number of slots, a newcomer replaces what is in its slot.
 *
 * <p>So it cannot grow, needs no lock, and forgets one client's odd text when the others go on with theirs.
 */
final class PieceCache {
    /** Characters; longer pieces are rare and would keep much memory. */
    static final int LONGEST = 40;

    private static final int SLOTS = 1 << 15;

    private record Entry(int hash, String piece, int[] ids) {}

    private final AtomicReferenceArray<Entry> slots = new AtomicReferenceArray<>(SLOTS);

    static int hash(String text, int from, int to) {
        int hash = to - from;
        for (int i = from; i < to; i++) {
            hash = hash * 31 + text.charAt(i);
        }
        return hash * 0x9E3779B9;
    }

    /** The ids of {@code text[from, to)}, not to be changed; null when they are not known. */
    int @Nullable [] find(int hash, String text, int from, int to) {
        Entry entry = slots.getAcquire(slot(hash));
        boolean same = entry != null
                && entry.hash == hash
                && entry.piece.length() == to - from
                && text.startsWith(entry.piece, from);
        return same ? entry.ids : null;
    }

    void put(int hash, String piece, int[] ids) {
        slots.setRelease(slot(hash), new Entry(hash, piece, ids));
    }

    private static int slot(int hash) {
        return hash >>> (Integer.SIZE - 15);
    }
}
