package dev.fathom.text.grammar;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A grammar ready to parse: a pushdown automaton over bytes (and {@link Marks}). Nodes are numbered across all rules; inside a rule they are
 * deterministic but for calls. From every node that is left, some text leads to the end.
 */
final class Grammar {
    static final int NONE = -1;

    /** Node flags. */
    static final int ACCEPTS = 1;

    static final int ENDS_BODY = 2;
    static final int CALLS = 4;
    static final int MOVES = 8;

    final char[] byteClass;
    final int classes;
    /** [nodes * classes]: the node after a byte of that class, or {@link #NONE}. */
    final int[] next;

    final byte[] flags;
    /** [nodes]: the node's rule. */
    final int[] rule;
    /** [nodes]: pairs of the called rule and the node to return to. */
    final int[][] calls;

    final int[] start;
    final boolean[] nullable;
    /** [rules]: null for a plain rule. */
    final @Nullable Loop[] loops;
    /** [rules]: whether {@link FastWalk} does: no calls, at most one thing to be in. */
    final boolean[] simple;

    final int root;

    /** A counted rule's bounds and the node behind its repetitions. */
    record Loop(int min, int max, int tail) {
        /** The count as far as it matters: beyond the least number of an endless loop all are one. */
        int clamp(int count) {
            return max == Expr.UNBOUNDED ? Math.min(count, min) : count;
        }

        boolean goesOn(int count) {
            return max == Expr.UNBOUNDED || count < max;
        }
    }

    Grammar(
            char[] byteClass,
            int classes,
            int[] next,
            byte[] flags,
            int[] rule,
            int[][] calls,
            List<RuleNodes> rules,
            boolean[] nullable,
            int root) {
        this.byteClass = byteClass;
        this.classes = classes;
        this.next = next;
        this.flags = flags;
        this.rule = rule;
        this.calls = calls;
        this.start = rules.stream().mapToInt(RuleNodes::start).toArray();
        this.loops = rules.stream().map(RuleNodes::loop).toArray(Loop[]::new);
        this.nullable = nullable;
        this.root = root;
        this.simple = new boolean[rules.size()];
        for (int i = 0; i < simple.length; i++) {
            simple[i] = isSimple(rules.get(i));
        }
    }

    /** Nodes [start, end) are the rule's. */
    record RuleNodes(int start, int end, @Nullable Loop loop) {}

    int nodes() {
        return flags.length;
    }

    /** @param value a byte from 0 to 255, or {@link Marks#SYMBOL} */
    int next(int node, int value) {
        return next[node * classes + byteClass[value]];
    }

    boolean has(int node, int flag) {
        return (flags[node] & flag) != 0;
    }

    private boolean isSimple(RuleNodes nodes) {
        for (int node = nodes.start(); node < nodes.end(); node++) {
            if (has(node, CALLS) || (has(node, ENDS_BODY) && has(node, MOVES))) {
                return false;
            }
        }
        Loop loop = nodes.loop();
        if (loop == null) {
            return true;
        }
        for (int c = 0; c < classes; c++) {
            if (next[nodes.start() * classes + c] != NONE && next[loop.tail() * classes + c] != NONE) {
                return false;
            }
        }
        return true;
    }
}
