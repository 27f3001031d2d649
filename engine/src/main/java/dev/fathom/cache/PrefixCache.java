package dev.fathom.cache;

/**
 * Slots for sequences, with reuse of prefixes that were computed before. Every slot is in exactly one of three places,
 * and the counts say so at any time: free, held by one lease alone, or in the prefix index. Pages are evicted from the
 * index only when a lease needs them. Not thread-safe: the engine thread owns it.
 */
public final class PrefixCache {
    private final PagePool pool;
    private final PrefixIndex index;
    private final boolean reuses;
    private int leases;
    private int exclusiveTokens;
    private long evictedTokens;

    private PrefixCache(PagePool pool, PrefixIndex index, boolean reuses) {
        this.pool = pool;
        this.index = index;
        this.reuses = reuses;
    }

    /**
     * @param slots     memory there is (tokens); rounded down to whole pages
     * @param pageSize  tokens of a page: prefixes are shared in whole pages
     * @param reuse     whether computed prefixes are kept for later sequences
     */
    public static PrefixCache create(int slots, int pageSize, boolean reuse) {
        PagePool pool = new PagePool(slots / pageSize, pageSize);
        return new PrefixCache(pool, reuse ? new RadixTree(pageSize) : new NoReuse(), reuse);
    }

    /** Tells how many of the first {@code limit} tokens are stored; counts as no use. */
    public int matchLength(String cacheKey, int[] tokens, int limit) {
        return index.matchLength(cacheKey, tokens, limit);
    }

    /**
     * Opens a lease that holds the longest stored prefix of {@code tokens[0, limit)}. A caller that wants logits leaves
     * at least one token out of the limit, because something must be computed.
     */
    public SlotLease acquire(String cacheKey, int[] tokens, int limit) {
        PrefixIndex.Prefix prefix = index.match(cacheKey, tokens, limit);
        index.lock(prefix.node());
        SlotLease lease = new SlotLease(cacheKey, prefix.node(), prefix.length());
        index.copySlots(prefix.node(), prefix.length(), 0, lease.slots());
        leases++;
        return lease;
    }

    /** Pages that must be found before positions [0, length) have slots. */
    public int missingPages(SlotLease lease, int length) {
        return Math.max(0, Math.ceilDiv(length - lease.allocated(), pool.pageSize()));
    }

    /** Free pages and those the index would give up. */
    public int obtainablePages() {
        return pool.freePages() + index.evictableTokens() / pool.pageSize();
    }

    /**
     * Gives positions [0, length) slots, evicting what nobody holds if need be.
     *
     * @return false, with nothing changed, if that many slots cannot be had
     */
    public boolean extend(SlotLease lease, int length) {
        lease.checkOpen();
        int missing = missingPages(lease, length);
        if (missing > obtainablePages()) {
            return false;
        }
        int lacking = missing - pool.freePages();
        if (lacking > 0) {
            evictedTokens += index.evict(lacking * pool.pageSize(), pool::free);
        }
        for (int i = 0; i < missing; i++) {
            lease.appendPage(pool.take(), pool.pageSize());
        }
        exclusiveTokens += missing * pool.pageSize();
        return true;
    }

    /**
     * Stores what is computed so that others find it, and goes on holding it. Where the index has the same tokens under
     * other slots, those are used from now on and the lease's own are freed.
     *
     * @param tokens    the sequence, prompt and output
     * @param computed  how many of them, from the first, have their rows in the cache
     */
    public void commit(SlotLease lease, int[] tokens, int computed) {
        lease.checkOpen();
        if (computed > lease.allocated()) {
            throw new IllegalArgumentException(
                    computed + " tokens cannot be computed where " + lease.allocated() + " have slots");
        }
        int whole = computed - computed % pool.pageSize();
        if (whole <= lease.shared()) {
            return;
        }
        PrefixIndex.Insertion inserted = index.insert(lease.cacheKey(), tokens, lease.slots(), whole);
        if (inserted.stored() == 0) {
            return;
        }
        int from = lease.shared();
        int[] slots = lease.slots();
        if (inserted.present() > from) {
            freePages(slots, from, inserted.present());
            slots = slots.clone();
            index.copySlots(inserted.node(), inserted.stored(), from, slots);
        }
        exclusiveTokens -= inserted.stored() - from;
        index.lock(inserted.node());
        index.unlock(lease.node());
        lease.share(inserted.node(), inserted.stored(), slots);
    }

    /** Ends a lease; what is computed stays in the index for as long as nobody needs the room. */
    public void release(SlotLease lease, int[] tokens, int computed) {
        commit(lease, tokens, computed);
        discard(lease);
    }

    /** Ends a lease and stores nothing of it. */
    public void discard(SlotLease lease) {
        lease.checkOpen();
        lease.close();
        leases--;
        freePages(lease.slots(), lease.shared(), lease.allocated());
        exclusiveTokens -= lease.exclusive();
        index.unlock(lease.node());
    }

    /**
     * Forgets every stored prefix.
     *
     * @throws IllegalStateException if a lease is open
     */
    public void clear() {
        if (leases > 0) {
            throw new IllegalStateException("the cache cannot be cleared while " + leases + " sequences hold slots");
        }
        index.evict(index.tokens(), pool::free);
    }

    public boolean reuses() {
        return reuses;
    }

    public int pageSize() {
        return pool.pageSize();
    }

    /** All slots. */
    public int totalTokens() {
        return pool.pages() * pool.pageSize();
    }

    /** Slots nobody holds. */
    public int freeTokens() {
        return pool.freePages() * pool.pageSize();
    }

    /** Slots of the prefix index, locked or not. */
    public int cachedTokens() {
        return index.tokens();
    }

    /** Slots of the prefix index that no lease keeps. */
    public int evictableTokens() {
        return index.evictableTokens();
    }

    /** Slots held by one lease alone. */
    public int exclusiveTokens() {
        return exclusiveTokens;
    }

    /** Tokens evicted since the start, to make room; {@link #clear} does not count. */
    public long evictedTokens() {
        return evictedTokens;
    }

    private void freePages(int[] slots, int from, int to) {
        for (int i = from; i < to; i += pool.pageSize()) {
            pool.free(slots[i] / pool.pageSize());
        }
    }
}
