package dev.fathom.text.grammar;

import java.util.Arrays;

/** A set of nodes of the token trie, ascending. */
final class Places {
    static final Places ROOT = new Places(new int[] {0});
    static final Places NONE = new Places(new int[0]);

    final int[] nodes;
    private final int hash;

    Places(int[] nodes) {
        this.nodes = nodes;
        this.hash = Arrays.hashCode(nodes);
    }

    boolean isEmpty() {
        return nodes.length == 0;
    }

    @Override
    public boolean equals(Object other) {
        return this == other
                || (other instanceof Places places && hash == places.hash && Arrays.equals(nodes, places.nodes));
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
