package dev.fathom.cache;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An edge of the radix tree and what hangs below it. Roots have no parent and no tokens. {@link RadixTree} alone
 * changes it.
 */
final class RadixNode {
    /** What the prefixes below a root are shared by; meaningful in roots only. */
    final String cacheKey;
    /** Breaks ties of {@code lastUse}. */
    final long order;

    final Map<PageKey, RadixNode> children = new HashMap<>();

    @Nullable
    RadixNode parent;
    /** A multiple of the page size, as many as {@code slots}. */
    int[] tokens;

    int[] slots;
    /** Leases whose prefix ends here or further down. */
    int locks;

    long lastUse;

    RadixNode(String cacheKey, long order, @Nullable RadixNode parent, int[] tokens, int[] slots) {
        this.cacheKey = cacheKey;
        this.order = order;
        this.parent = parent;
        this.tokens = tokens;
        this.slots = slots;
    }

    boolean isRoot() {
        return parent == null;
    }

    boolean isEvictable() {
        return parent != null && locks == 0 && children.isEmpty();
    }
}
