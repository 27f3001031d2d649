package dev.fathom.cache;

import java.util.Arrays;

/** One page of tokens as a map key: children of a radix node differ in their first page. A view, nothing is copied. */
final class PageKey {
    private final int[] tokens;
    private final int from;
    private final int size;
    private final int hash;

    PageKey(int[] tokens, int from, int size) {
        this.tokens = tokens;
        this.from = from;
        this.size = size;
        int h = 1;
        for (int i = from; i < from + size; i++) {
            h = 31 * h + tokens[i];
        }
        hash = h;
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PageKey key
                && Arrays.equals(tokens, from, from + size, key.tokens, key.from, key.from + key.size);
    }
}
