package dev.fathom.cache;

import java.util.function.IntConsumer;

/** Finds slots that already hold the tokens of a prefix. Lengths are tokens, all of them multiples of the page size. */
interface PrefixIndex {
    /** @param length  matched tokens, which end at {@code node} */
    record Prefix(RadixNode node, int length) {}

    /**
     * @param stored   tokens of the sequence that are in the index now, which end at {@code node}
     * @param present  how many of them were in it before, under slots of their own
     */
    record Insertion(RadixNode node, int stored, int present) {}

    /** The longest stored prefix of {@code tokens[0, length)}, which counts as used now. */
    Prefix match(String cacheKey, int[] tokens, int length);

    /** The length {@link #match} would give, without counting as a use. */
    int matchLength(String cacheKey, int[] tokens, int length);

    /** Stores {@code tokens[0, length)}; the index takes over the slots of [present, stored). */
    Insertion insert(String cacheKey, int[] tokens, int[] slots, int length);

    /** Copies the slots of positions [from, end) of the prefix that ends at {@code node} with length {@code end}. */
    void copySlots(RadixNode node, int end, int from, int[] target);

    /** Keeps the prefix that ends at {@code node} until as many {@link #unlock}s. */
    void lock(RadixNode node);

    void unlock(RadixNode node);

    /**
     * Forgets the least recently used leaves until at least {@code wanted} tokens are free or nothing unlocked is left.
     *
     * @param freePage  receives each page that the index gives up
     * @return tokens given up
     */
    int evict(int wanted, IntConsumer freePage);

    /** Tokens stored. */
    int tokens();

    /** Tokens stored that no lock keeps. */
    int evictableTokens();
}
