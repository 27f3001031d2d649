package dev.fathom.text;

import java.util.Arrays;
import java.util.Map;

/**
 * Byte pair encoding of one pre-token: the pair of lowest rank is merged, leftmost first, until none is left.
 *
 * <p>Immutable but for the cache, which is safe for many threads.
 */
final class BpeModel {
    /** Bytes; longer pieces take the heap, whose cost grows with n log n where the plain scan takes n². */
    private static final int SCAN_LIMIT = 48;

    private static final int NO_ID = -1;

    private final Map<String, Integer> vocabulary;
    private final Merges merges;
    private final boolean ignoreMerges;
    private final int unknownId;
    private final boolean fuseUnknown;
    private final int[] idOfByte = new int[256];
    private final PieceCache cache = new PieceCache();

    /**
     * @param ignoreMerges a piece that is a token is taken whole
     * @param unknownId    stands for a byte without a token; -1 to drop such bytes, as the reference does
     * @param fuseUnknown  one unknown id for neighbouring unknown bytes
     */
    BpeModel(Map<String, Integer> vocabulary, Merges merges, boolean ignoreMerges, int unknownId, boolean fuseUnknown) {
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.ignoreMerges = ignoreMerges;
        this.unknownId = unknownId;
        this.fuseUnknown = fuseUnknown;
        for (int value = 0; value < 256; value++) {
            idOfByte[value] = vocabulary.getOrDefault(String.valueOf(ByteLevel.character(value)), NO_ID);
        }
    }

    /** Appends the ids of {@code text[from, to)}, which has no lone surrogates. */
    void encode(String text, int from, int to, IntList out) {
        if (from == to) {
            return;
        }
        if (to - from > PieceCache.LONGEST) {
            int[] ids = merged(text, from, to);
            out.addAll(ids, ids.length);
            return;
        }
        int hash = PieceCache.hash(text, from, to);
        int[] ids = cache.find(hash, text, from, to);
        if (ids == null) {
            ids = merged(text, from, to);
            cache.put(hash, text.substring(from, to), ids);
        }
        out.addAll(ids, ids.length);
    }

    private int[] merged(String text, int from, int to) {
        byte[] bytes = new byte[Math.multiplyExact(to - from, 3)];
        int length = Utf8.encode(text, from, to, bytes);
        if (ignoreMerges) {
            Integer whole = vocabulary.get(ByteLevel.token(bytes, length));
            if (whole != null) {
                return new int[] {whole};
            }
        }
        int[] ids = new int[length];
        int count = 0;
        boolean unknownBefore = false;
        for (int i = 0; i < length; i++) {
            int id = idOfByte[bytes[i] & 0xff];
            boolean unknown = id == NO_ID;
            if (unknown) {
                if (unknownId == NO_ID || (unknownBefore && fuseUnknown)) {
                    continue;
                }
                id = unknownId;
            }
            unknownBefore = unknown;
            ids[count++] = id;
        }
        return count <= SCAN_LIMIT ? scan(ids, count) : heap(ids, count);
    }

    /** For short pieces: looks for the lowest rank each time, from ranks that are kept between the times. */
    private int[] scan(int[] ids, int count) {
        long[] found = new long[Math.max(count, 1)];
        for (int i = 0; i + 1 < count; i++) {
            found[i] = merges.find(ids[i], ids[i + 1]);
        }
        int length = count;
        while (length > 1) {
            int best = -1;
            for (int i = 0; i + 1 < length; i++) {
                // Values order by rank first, and equal ranks are the same pair, so the leftmost wins.
                if (found[i] != Merges.NONE && (best < 0 || found[i] < found[best])) {
                    best = i;
                }
            }
            if (best < 0) {
                break;
            }
            ids[best] = Merges.merged(found[best]);
            System.arraycopy(ids, best + 2, ids, best + 1, length - best - 2);
            System.arraycopy(found, best + 2, found, best + 1, length - best - 2);
            length--;
            if (best + 1 < length) {
                found[best] = merges.find(ids[best], ids[best + 1]);
            }
            if (best > 0) {
                found[best - 1] = merges.find(ids[best - 1], ids[best]);
            }
        }
        return Arrays.copyOf(ids, length);
    }

    /** For long pieces: a heap of candidate pairs (rank, position) over a linked list of what is left. */
    private int[] heap(int[] ids, int count) {
        int[] before = new int[count];
        int[] after = new int[count];
        LongHeap candidates = new LongHeap(count);
        for (int i = 0; i < count; i++) {
            before[i] = i - 1;
            after[i] = i + 1 < count ? i + 1 : -1;
        }
        for (int i = 0; i + 1 < count; i++) {
            offer(candidates, i, ids[i], ids[i + 1]);
        }
        while (candidates.size() > 0) {
            long candidate = candidates.poll();
            int left = (int) candidate;
            int right = ids[left] == NO_ID ? -1 : after[left];
            if (right < 0) {
                continue;
            }
            long found = merges.find(ids[left], ids[right]);
            if (found == Merges.NONE || Merges.rank(found) != (int) (candidate >>> 32)) {
                continue;
            }
            ids[left] = Merges.merged(found);
            ids[right] = NO_ID;
            int next = after[right];
            after[left] = next;
            if (next >= 0) {
                before[next] = left;
                offer(candidates, left, ids[left], ids[next]);
            }
            if (before[left] >= 0) {
                offer(candidates, before[left], ids[before[left]], ids[left]);
            }
        }
        int length = 0;
        for (int i = 0; i < count; i++) {
            if (ids[i] != NO_ID) {
                ids[length++] = ids[i];
            }
        }
        return Arrays.copyOf(ids, length);
    }

    private void offer(LongHeap candidates, int position, int left, int right) {
        long found = merges.find(left, right);
        if (found != Merges.NONE) {
            candidates.add((long) Merges.rank(found) << 32 | position);
        }
    }
}
