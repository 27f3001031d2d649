package dev.fathom.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RadixTreeTest {
    private static final long SEED = 20261123;

    @Test
    void findsNothingInAnEmptyTree() {
        RadixTree tree = new RadixTree(1);
        assertThat(tree.matchLength("", ids(1, 2, 3), 3)).isZero();
        assertThat(tree.match("", ids(1, 2, 3), 3).length()).isZero();
    }

    @Test
    void sharesThePrefixOfTwoSequences() {
        RadixTree tree = new RadixTree(1);
        tree.insert("", ids(1, 2, 3, 4), ids(10, 11, 12, 13), 4);
        PrefixIndex.Insertion second = tree.insert("", ids(1, 2, 7, 8), ids(20, 21, 22, 23), 4);
        assertThat(second.present()).isEqualTo(2);
        assertThat(second.stored()).isEqualTo(4);
        assertThat(tree.tokens()).isEqualTo(6);
        assertThat(slots(tree, "", ids(1, 2, 7, 8))).containsExactly(10, 11, 22, 23);
        assertThat(slots(tree, "", ids(1, 2, 3, 4))).containsExactly(10, 11, 12, 13);
    }

    @Test
    void matchesAndStoresWholePagesOnly() {
        RadixTree tree = new RadixTree(4);
        int[] sequence = ids(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        PrefixIndex.Insertion stored = tree.insert("", sequence, ids(0, 1, 2, 3, 8, 9, 10, 11, 4, 5), 10);
        assertThat(stored.stored()).isEqualTo(8);
        assertThat(tree.matchLength("", sequence, 10)).isEqualTo(8);
        assertThat(tree.matchLength("", sequence, 7)).isEqualTo(4);
        assertThat(tree.matchLength("", ids(1, 2, 3, 4, 5, 6, 7, 99), 8)).isEqualTo(4);
        assertThat(tree.matchLength("", ids(1, 2, 3, 99), 4)).isZero();
    }

    @Test
    void keepsCacheKeysApartAndDropsTheirEmptyRoots() {
        RadixTree tree = new RadixTree(1);
        tree.insert("a", ids(1, 2), ids(0, 1), 2);
        assertThat(tree.matchLength("b", ids(1, 2), 2)).isZero();
        tree.insert("b", ids(1, 2), ids(2, 3), 2);
        assertThat(slots(tree, "b", ids(1, 2))).containsExactly(2, 3);
        tree.evict(4, page -> {});
        assertThat(tree.roots()).isZero();
    }

    @Test
    void evictsTheLeastRecentlyUsedLeafFirst() {
        RadixTree tree = new RadixTree(1);
        tree.insert("", ids(1, 2), ids(0, 1), 2);
        tree.insert("", ids(3, 4), ids(2, 3), 2);
        tree.insert("", ids(5, 6), ids(4, 5), 2);
        tree.match("", ids(1, 2), 2);
        List<Integer> freed = new ArrayList<>();
        assertThat(tree.evict(1, freed::add)).isEqualTo(2);
        assertThat(freed).containsExactly(2, 3);
        assertThat(tree.evict(3, freed::add)).isEqualTo(4);
        assertThat(freed).containsExactly(2, 3, 4, 5, 0, 1);
        assertThat(tree.tokens()).isZero();
    }

    @Test
    void looksAtLengthsWithoutCountingAUse() {
        RadixTree tree = new RadixTree(1);
        tree.insert("", ids(1), ids(0), 1);
        tree.insert("", ids(2), ids(1), 1);
        tree.matchLength("", ids(1), 1);
        List<Integer> freed = new ArrayList<>();
        tree.evict(1, freed::add);
        assertThat(freed).containsExactly(0);
    }

    @Test
    void keepsLockedPrefixes() {
        RadixTree tree = new RadixTree(1);
        tree.insert("", ids(1, 2, 3), ids(0, 1, 2), 3);
        PrefixIndex.Prefix held = tree.match("", ids(1, 2), 2);
        tree.lock(held.node());
        assertThat(tree.evictableTokens()).isEqualTo(1);
        assertThat(tree.evict(100, page -> {})).isEqualTo(1);
        assertThat(slots(tree, "", ids(1, 2))).containsExactly(0, 1);
        tree.unlock(held.node());
        assertThat(tree.evictableTokens()).isEqualTo(2);
    }

    @Test
    void keepsALockThatASplitRunsThrough() {
        RadixTree tree = new RadixTree(1);
        tree.insert("", ids(1, 2, 3, 4), ids(0, 1, 2, 3), 4);
        PrefixIndex.Prefix held = tree.match("", ids(1, 2, 3, 4), 4);
        tree.lock(held.node());
        tree.insert("", ids(1, 2, 9), ids(5, 6, 7), 3);
        assertThat(tree.evictableTokens()).isEqualTo(1);
        tree.evict(100, page -> {});
        assertThat(slots(tree, "", ids(1, 2, 3, 4))).containsExactly(0, 1, 2, 3);
        tree.unlock(held.node());
        assertThat(tree.evictableTokens()).isEqualTo(4);
    }

    @Test
    void refusesToUnlockTwice() {
        RadixTree tree = new RadixTree(1);
        RadixNode node = tree.insert("", ids(1), ids(0), 1).node();
        tree.lock(node);
        tree.unlock(node);
        assertThatThrownBy(() -> tree.unlock(node)).isInstanceOf(IllegalStateException.class);
    }

    /**
     * Random inserts, matches, locks and evictions against a map from every stored prefix to its last page. Short
     * sequences over three tokens make splits and shared prefixes frequent.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void agreesWithAMapOfPrefixesOverRandomOperations(int pageSize) {
        System.out.println("RadixTreeTest seed " + SEED + ", page size " + pageSize);
        new RandomTree(pageSize, new SplittableRandom(SEED + pageSize)).run(100_000);
    }

    private static int[] ids(int... ids) {
        return ids;
    }

    private static int[] slots(RadixTree tree, String key, int[] sequence) {
        PrefixIndex.Prefix prefix = tree.match(key, sequence, sequence.length);
        int[] slots = new int[prefix.length()];
        tree.copySlots(prefix.node(), prefix.length(), 0, slots);
        return slots;
    }

    /** The naive model: which page ends each stored prefix, and what is locked. */
    private static final class RandomTree {
        private record Stored(String key, List<Integer> prefix) {}

        private record Lock(RadixNode node, String key, int[] sequence, int[] slots) {}

        private final int pageSize;
        private final SplittableRandom random;
        private final RadixTree tree;
        private final Map<Stored, Integer> model = new HashMap<>();
        private final Map<Integer, Stored> pages = new HashMap<>();
        private final List<Lock> locks = new ArrayList<>();
        private int nextPage;

        RandomTree(int pageSize, SplittableRandom random) {
            this.pageSize = pageSize;
            this.random = random;
            this.tree = new RadixTree(pageSize);
        }

        void run(int operations) {
            for (int i = 0; i < operations; i++) {
                switch (random.nextInt(10)) {
                    case 0, 1, 2, 3 -> insert();
                    case 4, 5 -> match();
                    case 6 -> lock();
                    case 7, 8 -> unlock();
                    default -> evict();
                }
                assertThat(tree.tokens()).isEqualTo(model.size() * pageSize);
                if (i % 500 == 0) {
                    checkAll();
                }
            }
            while (!locks.isEmpty()) {
                unlock();
            }
            assertThat(tree.evictableTokens()).isEqualTo(tree.tokens());
            tree.evict(Integer.MAX_VALUE, this::freed);
            assertThat(model).isEmpty();
            assertThat(tree.tokens()).isZero();
            assertThat(tree.roots()).isZero();
        }

        private void insert() {
            String key = key();
            int[] sequence = sequence();
            int known = known(key, sequence);
            int[] slots = new int[sequence.length];
            int whole = sequence.length / pageSize * pageSize;
            for (int at = 0; at < sequence.length; at += pageSize) {
                int page = nextPage++;
                for (int j = at; j < Math.min(at + pageSize, sequence.length); j++) {
                    slots[j] = page * pageSize + j - at;
                }
            }
            if (whole == 0) {
                return;
            }
            PrefixIndex.Insertion inserted = tree.insert(key, sequence, slots, sequence.length);
            assertThat(inserted.present()).isEqualTo(known);
            assertThat(inserted.stored()).isEqualTo(whole);
            for (int at = known; at < whole; at += pageSize) {
                Stored stored = stored(key, sequence, at + pageSize);
                model.put(stored, slots[at] / pageSize);
                pages.put(slots[at] / pageSize, stored);
            }
        }

        private void match() {
            String key = key();
            int[] sequence = sequence();
            int known = known(key, sequence);
            assertThat(tree.matchLength(key, sequence, sequence.length)).isEqualTo(known);
            PrefixIndex.Prefix prefix = tree.match(key, sequence, sequence.length);
            tree.lock(prefix.node());
            tree.unlock(prefix.node());
            assertThat(prefix.length()).isEqualTo(known);
            int[] slots = new int[known];
            tree.copySlots(prefix.node(), known, 0, slots);
            for (int at = 0; at < known; at++) {
                int page = model.getOrDefault(stored(key, sequence, at - at % pageSize + pageSize), -1);
                assertThat(slots[at]).isEqualTo(page * pageSize + at % pageSize);
            }
        }

        private void lock() {
            String key = key();
            int[] sequence = sequence();
            PrefixIndex.Prefix prefix = tree.match(key, sequence, sequence.length);
            tree.lock(prefix.node());
            int[] slots = new int[prefix.length()];
            tree.copySlots(prefix.node(), prefix.length(), 0, slots);
            locks.add(new Lock(prefix.node(), key, Arrays.copyOf(sequence, prefix.length()), slots));
        }

        private void unlock() {
            if (!locks.isEmpty()) {
                Lock lock = locks.remove(random.nextInt(locks.size()));
                int[] slots = new int[lock.slots().length];
                tree.copySlots(lock.node(), slots.length, 0, slots);
                assertThat(slots).isEqualTo(lock.slots());
                tree.unlock(lock.node());
            }
        }

        private void evict() {
            int wanted = random.nextInt(1, 12) * pageSize;
            int evictable = tree.evictableTokens();
            long oldest = oldestLeaf();
            RadixNode first = tree.oldestLeaf();
            if (first != null) {
                assertThat(first.lastUse).isEqualTo(oldest);
            }
            int before = model.size();
            int given = tree.evict(wanted, this::freed);
            assertThat(given)
                    .isGreaterThanOrEqualTo(Math.min(wanted, evictable))
                    .isLessThanOrEqualTo(evictable);
            assertThat(model).hasSize(before - given / pageSize);
            assertThat(tree.evictableTokens()).isEqualTo(evictable - given);
        }

        private void freed(int page) {
            Stored stored = pages.remove(page);
            assertThat(stored).as("page %d was stored", page).isNotNull();
            model.remove(stored);
        }

        /** Least last use over all leaves that no lock keeps, found by walking the whole tree. */
        private long oldestLeaf() {
            long oldest = Long.MAX_VALUE;
            List<RadixNode> open = new ArrayList<>();
            tree.rootNodes().forEach(open::add);
            while (!open.isEmpty()) {
                RadixNode node = open.removeLast();
                open.addAll(node.children.values());
                if (node.isEvictable()) {
                    oldest = Math.min(oldest, node.lastUse);
                }
            }
            return oldest;
        }

        private void checkAll() {
            int locked = 0;
            Map<Stored, Boolean> seen = new HashMap<>();
            for (Lock lock : locks) {
                for (int at = 0; at < lock.sequence().length; at += pageSize) {
                    Stored stored = stored(lock.key(), lock.sequence(), at + pageSize);
                    assertThat(model).containsKey(stored);
                    if (seen.put(stored, true) == null) {
                        locked += pageSize;
                    }
                }
            }
            assertThat(tree.tokens() - tree.evictableTokens()).isEqualTo(locked);
            for (Map.Entry<Stored, Integer> entry : model.entrySet()) {
                List<Integer> prefix = entry.getKey().prefix();
                int[] sequence = prefix.stream().mapToInt(Integer::intValue).toArray();
                assertThat(tree.matchLength(entry.getKey().key(), sequence, sequence.length))
                        .isEqualTo(sequence.length);
            }
        }

        private int known(String key, int[] sequence) {
            int known = 0;
            while (known + pageSize <= sequence.length && model.containsKey(stored(key, sequence, known + pageSize))) {
                known += pageSize;
            }
            return known;
        }

        private static Stored stored(String key, int[] sequence, int length) {
            return new Stored(key, Arrays.stream(sequence, 0, length).boxed().toList());
        }

        private String key() {
            return random.nextInt(8) == 0 ? "salt" + random.nextInt(3) : "";
        }

        private int[] sequence() {
            int[] sequence = new int[random.nextInt(1, 6 * pageSize + 3)];
            int alphabet = random.nextInt(4) == 0 ? 3 : 2;
            Arrays.setAll(sequence, i -> i % pageSize == 0 ? random.nextInt(alphabet) : i % 2);
            return sequence;
        }
    }
}
