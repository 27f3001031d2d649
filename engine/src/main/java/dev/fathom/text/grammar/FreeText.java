package dev.fathom.text.grammar;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Any text until one of some patterns is found in it, by Aho and Corasick's automaton over characters.
 *
 * @param text   accepts every text in which no pattern is found; in a state in which one is, nothing goes on
 * @param found  by state, the numbers of the patterns that end there
 */
record FreeText(TextDfa text, Map<Integer, List<Integer>> found) {
    private static final int NONE = -1;

    /** The tree of patterns. */
    private static final class Tree {
        final List<Map<Integer, Integer>> next = new ArrayList<>();
        final List<List<Integer>> ends = new ArrayList<>();
        int[] shorter = new int[0];

        Tree() {
            add();
        }

        int add() {
            next.add(new HashMap<>());
            ends.add(new ArrayList<>());
            return next.size() - 1;
        }

        /** Where a character leads, by way of shorter matches. */
        int move(int state, int c) {
            int at = state;
            while (true) {
                int to = next.get(at).getOrDefault(c, NONE);
                if (to != NONE) {
                    return to;
                }
                if (at == 0) {
                    return 0;
                }
                at = shorter[at];
            }
        }

        /** For each state the longest proper end of its text that is a state, too; its patterns end there as well. */
        void link(Budget budget) {
            shorter = new int[next.size()];
            ArrayDeque<Integer> open = new ArrayDeque<>(next.getFirst().values());
            while (!open.isEmpty()) {
                int state = open.remove();
                budget.spend(16);
                ends.get(state).addAll(ends.get(shorter[state]));
                next.get(state).forEach((c, to) -> {
                    shorter[to] = move(shorter[state], c);
                    open.add(to);
                });
            }
        }
    }

    /**
     * @param patterns  none of them empty
     * @param alphabet  the characters that may come; patterns with others are never found
     */
    static FreeText until(List<int[]> patterns, CodePoints alphabet, Budget budget) {
        Tree tree = new Tree();
        TreeSet<Integer> told = new TreeSet<>();
        for (int i = 0; i < patterns.size(); i++) {
            if (!Arrays.stream(patterns.get(i)).allMatch(alphabet::contains)) {
                continue;
            }
            int state = 0;
            for (int c : patterns.get(i)) {
                budget.spend(16);
                told.add(c);
                int to = tree.next.get(state).getOrDefault(c, NONE);
                if (to == NONE) {
                    to = tree.add();
                    tree.next.get(state).put(c, to);
                }
                state = to;
            }
            tree.ends.get(state).add(i);
        }
        tree.link(budget);
        CodePoints others = alphabet;
        for (int c : told) {
            others = others.minus(CodePoints.one(c));
        }
        TextDfa.Builder out = new TextDfa.Builder(budget);
        Map<Integer, List<Integer>> found = new LinkedHashMap<>();
        for (int state = 0; state < tree.next.size(); state++) {
            List<Integer> ends = tree.ends.get(state);
            out.state(ends.isEmpty());
            if (!ends.isEmpty()) {
                found.put(state, List.copyOf(ends));
            }
        }
        for (int state = 0; state < tree.next.size(); state++) {
            if (!found.containsKey(state)) {
                moves(tree, state, told, others, out);
            }
        }
        return new FreeText(out.build(), found);
    }

    private static void moves(Tree tree, int state, TreeSet<Integer> told, CodePoints others, TextDfa.Builder out) {
        Map<Integer, CodePoints> byTarget = new HashMap<>();
        byTarget.put(0, others);
        for (int c : told) {
            byTarget.merge(tree.move(state, c), CodePoints.one(c), CodePoints::or);
        }
        byTarget.forEach((to, on) -> out.move(state, on, to));
    }
}
