package dev.fathom.text.grammar;

import dev.fathom.api.TokenConstraint;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A grammar for one vocabulary. What each node lets through is computed when it is first asked for and kept: a mask is
 * then the union of a few sets of bits. Safe for use by many threads.
 */
public final class CompiledGrammar {
    /** Kept steps take at most about this many bytes; beyond it they are computed each time. */
    private static final int MOST_KEPT_BYTES = 64 << 20;

    private final Grammar grammar;
    private final TokenTrie trie;
    private final Walk walk;
    private final ConcurrentHashMap<Key, Step> steps = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<Places, Places> places = new ConcurrentHashMap<>();
    private final AtomicInteger keptBytes = new AtomicInteger();

    /** Counts do not matter but for how many more repetitions must and may come. */
    private record Key(Places from, int node, int fewest, int most) {}

    CompiledGrammar(Grammar grammar, TokenTrie trie) {
        this.grammar = grammar;
        this.trie = trie;
        this.walk = new Walk(grammar, trie);
    }

    Grammar grammar() {
        return grammar;
    }

    TokenTrie trie() {
        return trie;
    }

    /**
     * The constraint for a request.
     *
     * @param endIds      ids that end a sequence; they may come when the text is complete, and only then
     * @param beginAfter  the id after which the text begins that the grammar describes, or -1 for at once
     */
    public TokenConstraint constraint(Set<Integer> endIds, int beginAfter) {
        int[] ends = endIds.stream()
                .mapToInt(Integer::intValue)
                .filter(id -> id >= 0 && id < trie.vocabulary())
                .sorted()
                .toArray();
        return () -> new GrammarMask(this, ends, beginAfter);
    }

    /** Computes ahead what takes longest: nodes from which most bytes lead on, as inside a string. */
    void prepare() {
        for (int node = 0; node < grammar.nodes(); node++) {
            Grammar.Loop loop = grammar.loops[grammar.rule[node]];
            if (loop == null && isWide(node) && keptBytes.get() < MOST_KEPT_BYTES / 4) {
                step(Places.ROOT, node, 0);
            }
        }
    }

    private boolean isWide(int node) {
        int bytes = 0;
        for (int value = 0x20; value < 0x7f; value++) {
            bytes += grammar.next(node, value) == Grammar.NONE ? 0 : 1;
        }
        return bytes > 32;
    }

    /** @throws GrammarException if the grammar is too ambiguous to tell in bounded time */
    Step step(Places from, int node, int count) {
        Grammar.Loop loop = grammar.loops[grammar.rule[node]];
        Key key = loop == null ? new Key(from, node, 0, 0) : key(from, node, count, loop);
        Step known = steps.get(key);
        return known != null ? known : compute(key, from, node, count);
    }

    /** Every repetition takes a byte, so a token cannot tell larger numbers of them apart than it is long. */
    private Key key(Places from, int node, int count, Grammar.Loop loop) {
        int reach = trie.longest() + 1;
        int fewest = Math.clamp((long) loop.min() - count, 0, reach);
        int most = loop.max() == Expr.UNBOUNDED ? reach : Math.min(loop.max() - count, reach);
        return new Key(from, node, fewest, most);
    }

    private Step compute(Key key, Places from, int node, int count) {
        Step step;
        synchronized (walk) {
            step = walk.from(from, node, count);
        }
        if (keptBytes.get() > MOST_KEPT_BYTES) {
            return step;
        }
        Places exits = places.computeIfAbsent(step.exits(), same -> same);
        Step shared = new Step(step.bits(), step.few(), exits);
        int bytes = 128 + 8 * length(step.bits()) + 4 * step.few().length + 4 * exits.nodes.length;
        keptBytes.addAndGet(bytes);
        steps.put(key, shared);
        return shared;
    }

    private static int length(long @Nullable [] bits) {
        return bits == null ? 0 : bits.length;
    }
}
