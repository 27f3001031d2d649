package dev.fathom.cache;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Token sequences and the cache slots that hold them, as a radix tree: each edge carries whole pages of tokens with
 * their slots, sequences that begin alike share edges. An edge is split, on a page border, where a sequence leaves it.
 * A lock keeps every edge from the root to its node. Leaves without a lock are evicted, least recently used first, by
 * a logical clock. Each cache key has a root of its own. Not thread-safe.
 *
 * @see "SGLang: Efficient Execution of Structured Language Model Programs, arXiv 2312.07104, section 3"
 */
final class RadixTree implements PrefixIndex {
    private final int pageSize;
    private final Map<String, RadixNode> roots = new HashMap<>();
    private final TreeSet<RadixNode> evictable =
            new TreeSet<>(Comparator.<RadixNode>comparingLong(n -> n.lastUse).thenComparingLong(n -> n.order));
    private long clock;
    private long created;
    private int tokens;
    private int lockedTokens;

    RadixTree(int pageSize) {
        if (pageSize < 1) {
            throw new IllegalArgumentException("the page size must be at least 1, got " + pageSize);
        }
        this.pageSize = pageSize;
    }

    @Override
    public Prefix match(String cacheKey, int[] sequence, int length) {
        long now = ++clock;
        RadixNode node = roots.computeIfAbsent(cacheKey, key -> newNode(key, null, new int[0], new int[0]));
        int at = 0;
        int end = wholePages(length);
        while (at < end) {
            RadixNode child = node.children.get(new PageKey(sequence, at, pageSize));
            if (child == null) {
                break;
            }
            int common = commonPages(child.tokens, sequence, at, end);
            node = common < child.tokens.length ? split(child, common) : child;
            touch(node, now);
            at += common;
        }
        return new Prefix(node, at);
    }

    @Override
    public int matchLength(String cacheKey, int[] sequence, int length) {
        RadixNode node = roots.get(cacheKey);
        int at = 0;
        int end = wholePages(length);
        while (node != null && at < end) {
            node = node.children.get(new PageKey(sequence, at, pageSize));
            if (node != null) {
                int common = commonPages(node.tokens, sequence, at, end);
                at += common;
                if (common < node.tokens.length) {
                    break;
                }
            }
        }
        return at;
    }

    @Override
    public Insertion insert(String cacheKey, int[] sequence, int[] slots, int length) {
        int end = wholePages(length);
        Prefix present = match(cacheKey, sequence, end);
        RadixNode parent = present.node();
        int from = present.length();
        if (from == end) {
            return new Insertion(parent, end, end);
        }
        RadixNode leaf = newNode(
                cacheKey, parent, Arrays.copyOfRange(sequence, from, end), Arrays.copyOfRange(slots, from, end));
        leaf.lastUse = clock;
        evictable.remove(parent);
        parent.children.put(firstPage(leaf), leaf);
        evictable.add(leaf);
        tokens += end - from;
        return new Insertion(leaf, end, from);
    }

    @Override
    public void copySlots(RadixNode node, int end, int from, int[] target) {
        int at = end;
        for (RadixNode n = node; n != null && at > from; n = n.parent) {
            int start = at - n.slots.length;
            int begin = Math.max(start, from);
            System.arraycopy(n.slots, begin - start, target, begin, at - begin);
            at = start;
        }
    }

    @Override
    public void lock(RadixNode node) {
        for (RadixNode n = node; n != null; n = n.parent) {
            if (n.locks++ == 0) {
                lockedTokens += n.tokens.length;
                evictable.remove(n);
            }
        }
    }

    @Override
    public void unlock(RadixNode node) {
        for (RadixNode n = node; n != null; n = n.parent) {
            if (n.locks == 0) {
                throw new IllegalStateException("a prefix is unlocked more often than it was locked");
            }
            if (--n.locks == 0) {
                lockedTokens -= n.tokens.length;
                if (n.isEvictable()) {
                    evictable.add(n);
                }
                dropEmptyRoot(n);
            }
        }
    }

    @Override
    public int evict(int wanted, IntConsumer freePage) {
        int given = 0;
        while (given < wanted) {
            RadixNode leaf = evictable.pollFirst();
            if (leaf == null) {
                break;
            }
            for (int i = 0; i < leaf.slots.length; i += pageSize) {
                freePage.accept(leaf.slots[i] / pageSize);
            }
            given += leaf.slots.length;
            RadixNode parent = leaf.parent;
            if (parent == null) {
                throw new IllegalStateException("a root is no leaf to evict");
            }
            parent.children.remove(firstPage(leaf));
            leaf.parent = null;
            if (parent.isEvictable()) {
                evictable.add(parent);
            }
            dropEmptyRoot(parent);
        }
        tokens -= given;
        return given;
    }

    @Override
    public int tokens() {
        return tokens;
    }

    @Override
    public int evictableTokens() {
        return tokens - lockedTokens;
    }

    /** Cache keys that have a root: tests check that unused ones go. */
    int roots() {
        return roots.size();
    }

    /** The leaf that goes next, for tests. */
    @Nullable
    RadixNode oldestLeaf() {
        return evictable.isEmpty() ? null : evictable.first();
    }

    Iterable<RadixNode> rootNodes() {
        return roots.values();
    }

    /** Puts a node for the first {@code at} tokens above {@code lower} and returns it; leases on lower stay as they are. */
    private RadixNode split(RadixNode lower, int at) {
        RadixNode parent = lower.parent;
        if (parent == null) {
            throw new IllegalStateException("a root has no tokens to split");
        }
        RadixNode upper =
                newNode(lower.cacheKey, parent, Arrays.copyOf(lower.tokens, at), Arrays.copyOf(lower.slots, at));
        upper.lastUse = lower.lastUse;
        upper.locks = lower.locks;
        // Remove first: put alone would keep the old key and with it the whole old edge.
        parent.children.remove(firstPage(lower));
        parent.children.put(firstPage(upper), upper);
        lower.tokens = Arrays.copyOfRange(lower.tokens, at, lower.tokens.length);
        lower.slots = Arrays.copyOfRange(lower.slots, at, lower.slots.length);
        lower.parent = upper;
        upper.children.put(firstPage(lower), lower);
        return upper;
    }

    private void touch(RadixNode node, long now) {
        boolean listed = evictable.remove(node);
        node.lastUse = now;
        if (listed) {
            evictable.add(node);
        }
    }

    /** Cache keys come from clients: a root without content must not stay for ever. */
    private void dropEmptyRoot(RadixNode node) {
        if (node.isRoot() && node.locks == 0 && node.children.isEmpty()) {
            roots.remove(node.cacheKey, node);
        }
    }

    private RadixNode newNode(String cacheKey, @Nullable RadixNode parent, int[] edge, int[] slots) {
        return new RadixNode(cacheKey, created++, parent, edge, slots);
    }

    private PageKey firstPage(RadixNode node) {
        return new PageKey(node.tokens, 0, pageSize);
    }

    private int commonPages(int[] edge, int[] sequence, int at, int end) {
        int limit = Math.min(edge.length, end - at);
        int mismatch = Arrays.mismatch(edge, 0, limit, sequence, at, at + limit);
        return wholePages(mismatch < 0 ? limit : mismatch);
    }

    private int wholePages(int length) {
        return length - length % pageSize;
    }
}
