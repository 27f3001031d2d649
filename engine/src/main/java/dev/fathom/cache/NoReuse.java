package dev.fathom.cache;

import java.util.function.IntConsumer;

/** The index where prefix reuse is off: it stores nothing and finds nothing. */
final class NoReuse implements PrefixIndex {
    private final RadixNode root = new RadixNode("", 0, null, new int[0], new int[0]);

    @Override
    public Prefix match(String cacheKey, int[] tokens, int length) {
        return new Prefix(root, 0);
    }

    @Override
    public int matchLength(String cacheKey, int[] tokens, int length) {
        return 0;
    }

    @Override
    public Insertion insert(String cacheKey, int[] tokens, int[] slots, int length) {
        return new Insertion(root, 0, 0);
    }

    @Override
    public void copySlots(RadixNode node, int end, int from, int[] target) {
        // No prefix has a slot here.
    }

    @Override
    public void lock(RadixNode node) {
        // Nothing is kept, so nothing needs a lock.
    }

    @Override
    public void unlock(RadixNode node) {
        // See lock.
    }

    @Override
    public int evict(int wanted, IntConsumer freePage) {
        return 0;
    }

    @Override
    public int tokens() {
        return 0;
    }

    @Override
    public int evictableTokens() {
        return 0;
    }
}
