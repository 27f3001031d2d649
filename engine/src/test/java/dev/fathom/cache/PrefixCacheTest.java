package dev.fathom.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PrefixCacheTest {
    private static final long SEED = 42_4242;

    @Test
    void reusesWhatAnEndedSequenceComputed() {
        PrefixCache cache = PrefixCache.create(16, 1, true);
        int[] tokens = {1, 2, 3, 4};
        SlotLease first = cache.acquire("", tokens, 3);
        assertThat(cache.extend(first, 4)).isTrue();
        int[] slots = Arrays.copyOf(first.slots(), 3);
        cache.release(first, tokens, 4);
        SlotLease second = cache.acquire("", tokens, 3);
        assertThat(second.shared()).isEqualTo(3);
        assertThat(second.slots()).startsWith(slots);
        cache.discard(second);
        assertThat(cache.cachedTokens()).isEqualTo(4);
        assertThat(cache.freeTokens()).isEqualTo(12);
    }

    @Test
    void freesDuplicatesWhenTwoSequencesComputedTheSame() {
        PrefixCache cache = PrefixCache.create(16, 2, true);
        int[] tokens = {1, 2, 3, 4, 5};
        SlotLease first = cache.acquire("", tokens, 4);
        SlotLease second = cache.acquire("", tokens, 4);
        assertThat(cache.extend(first, 5)).isTrue();
        assertThat(cache.extend(second, 5)).isTrue();
        assertThat(cache.exclusiveTokens()).isEqualTo(12);
        cache.commit(first, tokens, 5);
        int[] published = second.slots();
        int[] before = published.clone();
        cache.commit(second, tokens, 5);
        assertThat(second.shared()).isEqualTo(4);
        assertThat(second.slots()).startsWith(Arrays.copyOf(first.slots(), 4));
        assertThat(published).as("an array that a batch may hold").isEqualTo(before);
        assertThat(cache.cachedTokens()).isEqualTo(4);
        assertThat(cache.exclusiveTokens()).isEqualTo(4);
        assertThat(cache.freeTokens()).isEqualTo(8);
    }

    @Test
    void evictsOnDemandAndRefusesWhatCannotBeHad() {
        PrefixCache cache = PrefixCache.create(8, 1, true);
        int[] old = {9, 9, 9, 9, 9, 9};
        SlotLease lease = cache.acquire("", old, 5);
        cache.extend(lease, 6);
        cache.release(lease, old, 6);
        SlotLease next = cache.acquire("", new int[] {1}, 0);
        assertThat(cache.extend(next, 9)).isFalse();
        assertThat(cache.cachedTokens()).isEqualTo(6);
        assertThat(cache.extend(next, 3)).isTrue();
        assertThat(cache.cachedTokens()).isZero();
        assertThat(cache.evictedTokens()).isEqualTo(6);
        assertThat(cache.freeTokens()).isEqualTo(5);
    }

    @Test
    void storesNothingWhereReuseIsOff() {
        PrefixCache cache = PrefixCache.create(8, 1, false);
        int[] tokens = {1, 2, 3};
        SlotLease lease = cache.acquire("", tokens, 2);
        cache.extend(lease, 3);
        cache.commit(lease, tokens, 3);
        assertThat(lease.shared()).isZero();
        cache.release(lease, tokens, 3);
        assertThat(cache.freeTokens()).isEqualTo(8);
        assertThat(cache.matchLength("", tokens, 3)).isZero();
        assertThat(cache.acquire("", tokens, 2).shared()).isZero();
    }

    @Test
    void refusesAClosedLease() {
        PrefixCache cache = PrefixCache.create(8, 1, true);
        SlotLease lease = cache.acquire("", new int[] {1}, 0);
        cache.discard(lease);
        assertThatThrownBy(() -> cache.discard(lease)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> cache.extend(lease, 1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void clearsOnlyWhenNobodyHoldsSlots() {
        PrefixCache cache = PrefixCache.create(8, 1, true);
        int[] tokens = {1, 2, 3};
        SlotLease lease = cache.acquire("", tokens, 2);
        cache.extend(lease, 3);
        cache.commit(lease, tokens, 3);
        assertThatThrownBy(cache::clear)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("1 sequences");
        cache.release(lease, tokens, 3);
        cache.clear();
        assertThat(cache.freeTokens()).isEqualTo(8);
        assertThat(cache.evictedTokens()).isZero();
    }

    /**
     * Sequences that grow, commit, end and are thrown away at random; after each operation free + exclusive + cached is
     * the total, and a content array stands for the memory: each slot a sequence sees must hold that sequence's history.
     */
    @ParameterizedTest
    @CsvSource({"1,true", "1,false", "4,true", "3,false"})
    void losesNoSlotOverRandomOperations(int pageSize, boolean reuse) {
        System.out.println("PrefixCacheTest seed " + SEED + ", page size " + pageSize + ", reuse " + reuse);
        new RandomLeases(pageSize, reuse, new SplittableRandom(SEED + pageSize)).run(100_000);
    }

    private static final class RandomLeases {
        private static final class Running {
            final String key;
            final int[] tokens;
            final SlotLease lease;
            int computed;

            Running(String key, int[] tokens, SlotLease lease) {
                this.key = key;
                this.tokens = tokens;
                this.lease = lease;
                this.computed = lease.shared();
            }
        }

        private final SplittableRandom random;
        private final PrefixCache cache;
        private final int pageSize;
        /** What was written to each slot: a hash of key and history up to there. */
        private final long[] memory;

        private final List<Running> running = new ArrayList<>();
        private final Map<String, Integer> hits = new HashMap<>();

        RandomLeases(int pageSize, boolean reuse, SplittableRandom random) {
            this.random = random;
            this.pageSize = pageSize;
            cache = PrefixCache.create(64 * pageSize, pageSize, reuse);
            memory = new long[64 * pageSize];
        }

        void run(int operations) {
            for (int i = 0; i < operations; i++) {
                switch (random.nextInt(8)) {
                    case 0, 1 -> acquire();
                    case 2, 3, 4 -> grow();
                    case 5 -> commit();
                    case 6 -> end(true);
                    default -> end(random.nextInt(4) != 0);
                }
                assertThat(cache.freeTokens() + cache.exclusiveTokens() + cache.cachedTokens())
                        .isEqualTo(cache.totalTokens());
                assertThat(cache.freeTokens()).isBetween(0, cache.totalTokens());
                assertThat(cache.exclusiveTokens())
                        .isEqualTo(running.stream()
                                .mapToInt(r -> r.lease.exclusive())
                                .sum());
                if (i % 50 == 0) {
                    checkMemory();
                }
            }
            while (!running.isEmpty()) {
                end(true);
            }
            assertThat(cache.exclusiveTokens()).isZero();
            assertThat(cache.evictableTokens()).isEqualTo(cache.cachedTokens());
            assertThat(hits.isEmpty()).isEqualTo(!cache.reuses());
            cache.clear();
            assertThat(cache.freeTokens()).isEqualTo(cache.totalTokens());
        }

        private void acquire() {
            if (running.size() >= 12) {
                return;
            }
            String key = random.nextInt(5) == 0 ? "other" : "";
            int[] tokens = new int[random.nextInt(1, 12 * pageSize)];
            Arrays.setAll(tokens, i -> i < 3 * pageSize ? 0 : random.nextInt(2));
            Running next = new Running(key, tokens, cache.acquire(key, tokens, tokens.length - 1));
            if (next.computed > 0) {
                hits.merge(key, 1, Integer::sum);
            }
            running.add(next);
        }

        private void grow() {
            Running r = pick();
            if (r == null || r.computed == r.tokens.length) {
                return;
            }
            int to = random.nextInt(r.computed + 1, r.tokens.length + 1);
            int missing = cache.missingPages(r.lease, to);
            boolean possible = missing <= cache.obtainablePages();
            int[] before = Arrays.copyOf(r.lease.slots(), r.computed);
            assertThat(cache.extend(r.lease, to)).isEqualTo(possible);
            assertThat(Arrays.copyOf(r.lease.slots(), before.length)).isEqualTo(before);
            if (possible) {
                for (int i = r.computed; i < to; i++) {
                    memory[r.lease.slots()[i]] = history(r, i);
                }
                r.computed = to;
            }
        }

        private void commit() {
            Running r = pick();
            if (r != null) {
                cache.commit(r.lease, r.tokens, r.computed);
            }
        }

        private void end(boolean keep) {
            Running r = pick();
            if (r != null) {
                running.remove(r);
                if (keep) {
                    cache.release(r.lease, r.tokens, r.computed);
                } else {
                    cache.discard(r.lease);
                }
            }
        }

        private void checkMemory() {
            BitSet own = new BitSet();
            for (Running r : running) {
                for (int i = 0; i < r.computed; i++) {
                    assertThat(memory[r.lease.slots()[i]]).isEqualTo(history(r, i));
                }
                for (int i = r.lease.shared(); i < r.lease.allocated(); i++) {
                    int slot = r.lease.slots()[i];
                    assertThat(own.get(slot))
                            .as("slot %d belongs to one sequence", slot)
                            .isFalse();
                    own.set(slot);
                }
            }
        }

        private static long history(Running r, int position) {
            long hash = r.key.hashCode();
            for (int i = 0; i <= position; i++) {
                hash = hash * 1_000_003 + r.tokens[i] + 1;
            }
            return hash;
        }

        private @org.jspecify.annotations.Nullable Running pick() {
            return running.isEmpty() ? null : running.get(random.nextInt(running.size()));
        }
    }
}
