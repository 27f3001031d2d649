package dev.fathom.text.grammar;

import java.util.Arrays;

/** What a parser may be in the middle of after some text: nodes, each with its count and frame. A set that keeps order. */
final class Items {
    /** Beyond this, membership is looked up in a table. */
    private static final int SCANNED = 16;

    int[] nodes = new int[SCANNED];
    int[] counts = new int[SCANNED];
    Frame[] frames = new Frame[SCANNED];
    int size;
    /** Whether the text so far is complete. */
    boolean complete;

    private int[] table = new int[0];

    void clear() {
        size = 0;
        complete = false;
    }

    void add(int node, int count, Frame frame) {
        if (contains(node, count, frame)) {
            return;
        }
        if (size == nodes.length) {
            nodes = Arrays.copyOf(nodes, 2 * size);
            counts = Arrays.copyOf(counts, 2 * size);
            frames = Arrays.copyOf(frames, 2 * size);
        }
        nodes[size] = node;
        counts[size] = count;
        frames[size++] = frame;
        if (size == SCANNED || (size > SCANNED && 2 * size > table.length)) {
            rebuild();
        } else if (size > SCANNED) {
            enter(size - 1);
        }
    }

    private boolean contains(int node, int count, Frame frame) {
        if (size < SCANNED) {
            for (int i = 0; i < size; i++) {
                if (is(i, node, count, frame)) {
                    return true;
                }
            }
            return false;
        }
        int mask = table.length - 1;
        for (int at = hash(node, count, frame) & mask; table[at] != 0; at = at + 1 & mask) {
            if (is(table[at] - 1, node, count, frame)) {
                return true;
            }
        }
        return false;
    }

    private boolean is(int i, int node, int count, Frame frame) {
        return nodes[i] == node && counts[i] == count && frames[i] == frame;
    }

    private void rebuild() {
        int wanted = Math.max(4 * SCANNED, Integer.highestOneBit(size) * 4);
        if (table.length < wanted) {
            table = new int[wanted];
        } else {
            Arrays.fill(table, 0);
        }
        for (int i = 0; i < size; i++) {
            enter(i);
        }
    }

    private void enter(int i) {
        int mask = table.length - 1;
        int at = hash(nodes[i], counts[i], frames[i]) & mask;
        while (table[at] != 0) {
            at = at + 1 & mask;
        }
        table[at] = i + 1;
    }

    private static int hash(int node, int count, Frame frame) {
        int mixed = (node * 31 + count) * 31 + System.identityHashCode(frame);
        mixed *= 0x9E3779B9;
        return mixed ^ mixed >>> 15;
    }

    /** Drops the items that no byte moves on; the set takes no more items until it is cleared. */
    void keepMoving(Grammar grammar) {
        int kept = 0;
        for (int i = 0; i < size; i++) {
            if (grammar.has(nodes[i], Grammar.MOVES)) {
                nodes[kept] = nodes[i];
                counts[kept] = counts[i];
                frames[kept++] = frames[i];
            }
        }
        size = kept;
    }
}
