package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * The vocabulary as a tree of symbols (bytes, and what {@link Marks} adds), nodes in depth-first order: the children of a node follow it, and its subtree ends
 * at {@link #end}. Node 0 is the root, which stands for nothing. Immutable.
 */
public final class TokenTrie {
    private static final char[] NO_SYMBOLS = new char[0];

    private final int vocabulary;
    private final int longest;
    /** By id. */
    private final char[][] symbols;

    private final Marks marks;
    private final char[] label;
    private final int[] end;
    private final short[] depth;
    /** [nodes + 1]: index of the first token in or below the node; those that end in it come first. */
    private final int[] firstToken;

    private final int[] tokens;

    private record Entry(char[] symbols, int id) {}

    private TokenTrie(int vocabulary, List<Entry> sorted, Marks marks) {
        this.vocabulary = vocabulary;
        this.marks = marks;
        this.symbols = new char[vocabulary][];
        Arrays.fill(this.symbols, NO_SYMBOLS);
        int most = 1;
        int longestToken = 0;
        for (Entry entry : sorted) {
            most = Math.addExact(most, entry.symbols().length);
            longestToken = Math.max(longestToken, entry.symbols().length);
        }
        longest = longestToken;
        char[] labels = new char[most];
        int[] ends = new int[most];
        short[] depths = new short[most];
        int[] first = new int[most + 1];
        tokens = new int[sorted.size()];
        int[] path = new int[longestToken + 1];
        int nodes = 1;
        char[] before = NO_SYMBOLS;
        for (int i = 0; i < sorted.size(); i++) {
            char[] text = sorted.get(i).symbols();
            int mismatch = Arrays.mismatch(before, text);
            int common = mismatch < 0 ? text.length : mismatch;
            for (int d = before.length; d > common; d--) {
                ends[path[d]] = nodes;
            }
            for (int d = common + 1; d <= text.length; d++) {
                labels[nodes] = text[d - 1];
                depths[nodes] = (short) d;
                first[nodes] = i;
                path[d] = nodes++;
            }
            tokens[i] = sorted.get(i).id();
            symbols[tokens[i]] = text;
            before = text;
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
     * @param bytes       the text of an id, or empty for ids that are not text: special tokens, padding
     * @param marks       ids of special tokens by their text; only structural tags may use them
     */
    public static TokenTrie of(int vocabulary, IntFunction<byte[]> bytes, Map<String, Integer> marks) {
        List<Entry> entries = new ArrayList<>();
        for (int id = 0; id < vocabulary; id++) {
            byte[] text = bytes.apply(id);
            if (text.length > 0 && text.length <= Short.MAX_VALUE) {
                entries.add(new Entry(symbols(text), id));
            }
        }
        for (int id : marks.values()) {
            entries.add(new Entry(Marks.symbols(id), id));
        }
        entries.sort((a, b) -> {
            int order = Arrays.compare(a.symbols(), b.symbols());
            return order != 0 ? order : Integer.compare(a.id(), b.id());
        });
        return new TokenTrie(vocabulary, entries, new Marks(marks));
    }

    /** A vocabulary without special tokens that a grammar could use. */
    public static TokenTrie of(int vocabulary, IntFunction<byte[]> bytes) {
        return of(vocabulary, bytes, Map.of());
    }

    private static char[] symbols(byte[] text) {
        char[] symbols = new char[text.length];
        for (int i = 0; i < text.length; i++) {
            symbols[i] = (char) (text[i] & 0xff);
        }
        return symbols;
    }

    Marks marks() {
        return marks;
    }

    /** Number of ids, with text or without. */
    public int vocabulary() {
        return vocabulary;
    }

    /** The bytes of an id's text, or a mark; empty where no grammar may use it; not to be written to. */
    char[] symbols(int id) {
        return symbols[id];
    }

    /** Symbols of the longest token. */
    int longest() {
        return longest;
    }

    int nodes() {
        return label.length;
    }

    /** The last symbol on the way to a node. */
    int label(int node) {
        return label[node];
    }

    /** The first node behind the subtree. */
    int end(int node) {
        return end[node];
    }

    /** Symbols on the way to a node. */
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
