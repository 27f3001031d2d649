package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Makes a grammar's rules deterministic, one by one, and cuts off what leads nowhere. */
final class GrammarBuilder {
    private final Budget budget;
    private final Nfa nfa;
    private final char[] byteClass;
    private final int classes;
    private final List<int[]> next = new ArrayList<>();
    private final IntList flags = new IntList();
    private final IntList ruleOf = new IntList();
    private final List<int[]> calls = new ArrayList<>();
    private final List<Grammar.RuleNodes> rules = new ArrayList<>();
    private final int[] mark;
    private int marks;

    private GrammarBuilder(Budget budget, Nfa nfa) {
        this.budget = budget;
        this.nfa = nfa;
        this.byteClass = nfa.byteClasses();
        this.classes = byteClass[Marks.SYMBOLS - 1] + 1;
        this.mark = new int[nfa.states()];
    }

    /** @throws GrammarException if the grammar is too large, or if the root rule matches nothing */
    static Grammar build(Rules rules, int root) {
        Assembler.Result assembled = Assembler.assemble(rules);
        GrammarBuilder builder = new GrammarBuilder(rules.budget(), assembled.nfa());
        for (Assembler.Assembled rule : assembled.rules()) {
            builder.rule(rule);
        }
        return builder.finish(root);
    }

    private void rule(Assembler.Assembled rule) {
        int first = next.size();
        Assembler.Counted counted = rule.counted();
        if (counted == null) {
            determinize(rule.start(), rule.end(), Grammar.ACCEPTS);
            rules.add(new Grammar.RuleNodes(first, next.size(), null));
            return;
        }
        determinize(rule.start(), rule.end(), Grammar.ENDS_BODY);
        int tail = next.size();
        determinize(counted.tailStart(), counted.tailEnd(), Grammar.ACCEPTS);
        rules.add(new Grammar.RuleNodes(first, next.size(), new Grammar.Loop(counted.min(), counted.max(), tail)));
    }

    /** A set of states of the nondeterministic automaton, closed under its empty edges. */
    private record StateSet(int[] states) {
        @Override
        public boolean equals(Object other) {
            return other instanceof StateSet set && Arrays.equals(states, set.states);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(states);
        }
    }

    /** The nodes of one rule while they are found. */
    private final class Nodes {
        final Map<StateSet, Integer> known = new HashMap<>();
        final List<StateSet> order = new ArrayList<>();
        final int first = next.size();

        int of(IntList states) {
            StateSet set = closed(states);
            Integer node = known.get(set);
            if (node == null) {
                budget.addNodes(1);
                node = first + order.size();
                known.put(set, node);
                order.add(set);
            }
            return node;
        }
    }

    private void determinize(int start, int end, int endFlag) {
        Nodes nodes = new Nodes();
        IntList states = new IntList();
        states.add(start);
        nodes.of(states);
        IntList[] byClass = new IntList[classes];
        Arrays.setAll(byClass, c -> new IntList());
        for (int at = 0; at < nodes.order.size(); at++) {
            int[] set = nodes.order.get(at).states();
            Map<Integer, IntList> byRule = new HashMap<>();
            int flag = gather(set, end, byClass, byRule) ? endFlag : 0;
            int[] row = new int[classes];
            for (int c = 0; c < classes; c++) {
                boolean repeated = c > 0 && same(byClass[c], byClass[c - 1]);
                row[c] = byClass[c].size() == 0 ? Grammar.NONE : repeated ? row[c - 1] : nodes.of(byClass[c]);
            }
            int[] called = new int[2 * byRule.size()];
            int call = 0;
            for (Map.Entry<Integer, IntList> entry : byRule.entrySet()) {
                called[call++] = entry.getKey();
                called[call++] = nodes.of(entry.getValue());
            }
            next.add(row);
            calls.add(called);
            flags.add(flag);
            ruleOf.add(rules.size());
        }
    }

    /** Sorts the targets of the set's edges by byte class and by called rule; says whether {@code end} is in the set. */
    private boolean gather(int[] set, int end, IntList[] byClass, Map<Integer, IntList> byRule) {
        for (IntList list : byClass) {
            list.clear();
        }
        boolean ends = false;
        for (int state : set) {
            ends |= state == end;
            for (int e = nfa.first(state); e != Nfa.NONE; e = nfa.next(e)) {
                if (nfa.isCall(e)) {
                    byRule.computeIfAbsent(nfa.rule(e), rule -> new IntList()).add(nfa.target(e));
                } else if (!nfa.isEpsilon(e)) {
                    int last = byteClass[nfa.lastByte(e)];
                    for (int c = byteClass[nfa.firstByte(e)]; c <= last; c++) {
                        budget.spend(1);
                        byClass[c].add(nfa.target(e));
                    }
                }
            }
        }
        return ends;
    }

    private static boolean same(IntList a, IntList b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (a.get(i) != b.get(i)) {
                return false;
            }
        }
        return true;
    }

    private StateSet closed(IntList states) {
        marks++;
        IntList found = new IntList();
        for (int i = 0; i < states.size(); i++) {
            enter(states.get(i), found);
        }
        for (int i = 0; i < found.size(); i++) {
            for (int e = nfa.first(found.get(i)); e != Nfa.NONE; e = nfa.next(e)) {
                budget.spend(1);
                if (nfa.isEpsilon(e)) {
                    enter(nfa.target(e), found);
                }
            }
        }
        found.sortDistinct();
        return new StateSet(found.toArray());
    }

    private void enter(int state, IntList found) {
        if (mark[state] != marks) {
            mark[state] = marks;
            found.add(state);
        }
    }

    private Grammar finish(int root) {
        boolean[] nullable = nullable();
        boolean[] productive = new Productive(next, calls, flags, rules, ruleOf, budget).nodes();
        if (!productive[rules.get(root).start()]) {
            throw new GrammarException("The grammar matches nothing: no output could ever satisfy it.");
        }
        int count = next.size();
        int[] table = new int[Math.multiplyExact(count, classes)];
        byte[] nodeFlags = new byte[count];
        int[][] kept = new int[count][];
        for (int node = 0; node < count; node++) {
            int flag = flags.get(node);
            int[] row = next.get(node);
            for (int c = 0; c < classes; c++) {
                boolean lives = row[c] != Grammar.NONE && productive[row[c]];
                table[node * classes + c] = lives ? row[c] : Grammar.NONE;
                flag |= lives ? Grammar.MOVES : 0;
            }
            kept[node] = liveCalls(calls.get(node), productive);
            flag |= kept[node].length > 0 ? Grammar.CALLS : 0;
            nodeFlags[node] = (byte) flag;
        }
        return new Grammar(byteClass, classes, table, nodeFlags, ruleOf.toArray(), kept, rules, nullable, root);
    }

    private int[] liveCalls(int[] called, boolean[] productive) {
        IntList kept = new IntList();
        for (int i = 0; i < called.length; i += 2) {
            if (productive[rules.get(called[i]).start()] && productive[called[i + 1]]) {
                kept.add(called[i]);
                kept.add(called[i + 1]);
            }
        }
        return kept.toArray();
    }

    /** By rule: whether it can be complete before a byte is read. */
    private boolean[] nullable() {
        boolean[] empty = new boolean[next.size()];
        boolean[] nullable = new boolean[rules.size()];
        boolean changed = true;
        while (changed) {
            changed = false;
            budget.spend(next.size());
            for (int node = next.size() - 1; node >= 0; node--) {
                boolean now = (flags.get(node) & Grammar.ACCEPTS) != 0;
                int[] called = calls.get(node);
                for (int i = 0; i < called.length && !now; i += 2) {
                    now = nullable[called[i]] && empty[called[i + 1]];
                }
                changed |= now != empty[node];
                empty[node] = now;
            }
            for (int rule = 0; rule < rules.size(); rule++) {
                Grammar.Loop loop = rules.get(rule).loop();
                int node = loop == null ? rules.get(rule).start() : loop.tail();
                boolean now = empty[node] && (loop == null || loop.min() == 0);
                changed |= now != nullable[rule];
                nullable[rule] = now;
            }
        }
        return nullable;
    }
}
