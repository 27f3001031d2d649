package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;

/**
 * The vocabulary as a tree of bytes, nodes in depth-first order: the children of a node follow it, and its subtree ends
 * at {@link #end}. Node 0 is the root, which stands for no bytes. Immutable.
 */
public final class TokenTrie {
    private static final byte[] NO_BYTES = new byte[0];

    private final int vocabulary;
    private final int longest;
    /** By id. */
    private final byte[][] bytes;

    private final byte[] label;
    private final int[] end;
    private final short[] depth;
    /** [nodes + 1]: index of the first token in or below the node; those that end in it come first. */
    private final int[] firstToken;

    private final int[] tokens;

    private record Entry(byte[] bytes, int id) {}

    private TokenTrie(int vocabulary, List<Entry> sorted) {
        this.vocabulary = vocabulary;
        this.bytes = new byte[vocabulary][];
        Arrays.fill(this.bytes, NO_BYTES);
        int most = 1;
        int longestToken = 0;
        for (Entry entry : sorted) {
            most = Math.addExact(most, entry.bytes().length);
            longestToken = Math.max(longestToken, entry.bytes().length);
        }
        longest = longestToken;
        byte[] labels = new byte[most];
        int[] ends = new int[most];
        short[] depths = new short[most];
        int[] first = new int[most + 1];
        tokens = new int[sorted.size()];
        int[] path = new int[longestToken + 1];
        int nodes = 1;
        byte[] before = new byte[0];
        for (int i = 0; i < sorted.size(); i++) {
            byte[] bytes = sorted.get(i).bytes();
            int mismatch = Arrays.mismatch(before, bytes);
            int common = mismatch < 0 ? bytes.length : mismatch;
            for (int d = before.length; d > common; d--) {
                ends[path[d]] = nodes;
            }
            for (int d = common + 1; d <= bytes.length; d++) {
                labels[nodes] = bytes[d - 1];
                depths[nodes] = (short) d;
                first[nodes] = i;
                path[d] = nodes++;
            }
            tokens[i] = sorted.get(i).id();
            this.bytes[tokens[i]] = bytes;
            before = bytes;
        }
        for (int d = before.length; d >= 0; d--) {
            ends[path[d]] = nodes;
        }
        first[nodes] = sorted.size();
        label = Arrays.copyOf(labels, nodes);
        end = Arrays.copyOf(ends, nodes);
        depth = Arrays.copyOf(depths, nodes);
        firstToken = Arrays.copyOf(first, nodes + 1);
    }

    /**
     * @param vocabulary  ids are in [0, vocabulary)
     * @param bytes       the text of an id, or empty for ids that no grammar may use: special tokens, padding
     */
    public static TokenTrie of(int vocabulary, IntFunction<byte[]> bytes) {
        List<Entry> entries = new ArrayList<>();
        for (int id = 0; id < vocabulary; id++) {
            byte[] text = bytes.apply(id);
            if (text.length > 0 && text.length <= Short.MAX_VALUE) {
                entries.add(new Entry(text, id));
            }
        }
        entries.sort((a, b) -> {
            int order = Arrays.compareUnsigned(a.bytes(), b.bytes());
            return order != 0 ? order : Integer.compare(a.id(), b.id());
        });
        return new TokenTrie(vocabulary, entries);
    }

    /** Number of ids, with text or without. */
    public int vocabulary() {
        return vocabulary;
    }

    /** The text of an id, empty where no grammar may use it; not to be written to. */
    byte[] bytes(int id) {
        return bytes[id];
    }

    /** Bytes of the longest token. */
    int longest() {
        return longest;
    }

    int nodes() {
        return label.length;
    }

    /** The last byte on the way to a node. */
    int label(int node) {
        return label[node] & 0xff;
    }

    /** The first node behind the subtree. */
    int end(int node) {
        return end[node];
    }

    /** Bytes on the way to a node. */
    int depth(int node) {
        return depth[node];
    }

    /** Index of the first token that ends in this node; they go up to the next node's. */
    int firstToken(int node) {
        return firstToken[node];
    }

    int token(int index) {
        return tokens[index];
    }
}
