package dev.fathom.text.grammar;

import java.util.List;

/** Finds the nodes from which some text leads to the end of their rule. */
final class Productive {
    private final List<int[]> next;
    private final List<int[]> calls;
    private final IntList flags;
    private final List<Grammar.RuleNodes> rules;
    private final IntList ruleOf;
    private final Budget budget;
    private final boolean[] found;

    Productive(
            List<int[]> next,
            List<int[]> calls,
            IntList flags,
            List<Grammar.RuleNodes> rules,
            IntList ruleOf,
            Budget budget) {
        this.next = next;
        this.calls = calls;
        this.flags = flags;
        this.rules = rules;
        this.ruleOf = ruleOf;
        this.budget = budget;
        this.found = new boolean[next.size()];
    }

    boolean[] nodes() {
        boolean changed = true;
        while (changed) {
            changed = false;
            // Nodes are numbered along the text, so from the last to the first most is found in one pass.
            for (int node = next.size() - 1; node >= 0; node--) {
                if (!found[node] && isProductive(node)) {
                    found[node] = true;
                    changed = true;
                }
            }
        }
        return found;
    }

    private boolean isProductive(int node) {
        int[] row = next.get(node);
        int[] called = calls.get(node);
        budget.spend(1 + row.length / 8 + called.length);
        if ((flags.get(node) & Grammar.ACCEPTS) != 0) {
            return true;
        }
        Grammar.Loop loop = rules.get(ruleOf.get(node)).loop();
        if (loop != null && found[loop.tail()]) {
            boolean ends = (flags.get(node) & Grammar.ENDS_BODY) != 0;
            boolean skips = node == rules.get(ruleOf.get(node)).start() && loop.min() == 0;
            if (ends || skips) {
                return true;
            }
        }
        for (int to : row) {
            if (to != Grammar.NONE && found[to]) {
                return true;
            }
        }
        for (int i = 0; i < called.length; i += 2) {
            if (found[rules.get(called[i]).start()] && found[called[i + 1]]) {
                return true;
            }
        }
        return false;
    }
}
