package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes a regular expression deterministic. A position is a state and what is known there: whether a character has been
 * read, which {@code ^} asks, and whether the text must be at its end, which {@code $} demands.
 */
final class PatternDfa {
    private static final int MOVED = 1;
    private static final int AT_END = 2;
    private static final int FLAGS = 4;

    private final Budget budget;
    private final List<List<Edge>> edges = new ArrayList<>();
    private int[] mark = new int[0];
    private int marks;

    private enum Kind {
        EMPTY,
        START,
        END,
        CHARS
    }

    private record Edge(Kind kind, CodePoints on, int to) {}

    private PatternDfa(Budget budget) {
        this.budget = budget;
    }

    /** The whole text matches. */
    static TextDfa whole(String pattern, Budget budget) {
        return build(pattern, false, budget);
    }

    /** Some part of the text matches, as JSON Schema has it. */
    static TextDfa somewhere(String pattern, Budget budget) {
        return build(pattern, true, budget);
    }

    private static TextDfa build(String pattern, boolean somewhere, Budget budget) {
        PatternDfa dfa = new PatternDfa(budget);
        int start = dfa.state();
        if (somewhere) {
            dfa.edge(start, Kind.CHARS, CodePoints.ALL, start);
        }
        int from = dfa.state();
        dfa.edge(start, Kind.EMPTY, CodePoints.NONE, from);
        int end = dfa.state();
        dfa.edge(dfa.write(PatternParser.parse(pattern), from), Kind.EMPTY, CodePoints.NONE, end);
        if (somewhere) {
            dfa.edge(end, Kind.CHARS, CodePoints.ALL, end);
        }
        return dfa.determinize(start, end);
    }

    private int state() {
        budget.spend(8);
        if (edges.size() > 4 * TextDfa.MOST_STATES) {
            throw new GrammarException("A regular expression is too large: write its repetitions with smaller bounds.");
        }
        edges.add(new ArrayList<>());
        return edges.size() - 1;
    }

    private void edge(int from, Kind kind, CodePoints on, int to) {
        edges.get(from).add(new Edge(kind, on, to));
    }

    private int edge(int from, Kind kind, CodePoints on) {
        int to = state();
        edge(from, kind, on, to);
        return to;
    }

    private int write(Pattern pattern, int from) {
        return switch (pattern) {
            case Pattern.Chars chars -> edge(from, Kind.CHARS, chars.set());
            case Pattern.Start start -> edge(from, Kind.START, CodePoints.NONE);
            case Pattern.End end -> edge(from, Kind.END, CodePoints.NONE);
            case Pattern.Sequence sequence -> {
                int state = from;
                for (Pattern part : sequence.parts()) {
                    state = write(part, state);
                }
                yield state;
            }
            case Pattern.Choice choice -> {
                int end = state();
                for (Pattern option : choice.options()) {
                    edge(write(option, from), Kind.EMPTY, CodePoints.NONE, end);
                }
                yield end;
            }
            case Pattern.Repeat repeat -> repeat(repeat, from);
        };
    }

    private int repeat(Pattern.Repeat repeat, int from) {
        int state = from;
        for (int i = 0; i < repeat.min(); i++) {
            state = write(repeat.body(), state);
        }
        if (repeat.max() == Expr.UNBOUNDED) {
            int loop = edge(state, Kind.EMPTY, CodePoints.NONE);
            edge(write(repeat.body(), loop), Kind.EMPTY, CodePoints.NONE, loop);
            return edge(loop, Kind.EMPTY, CodePoints.NONE);
        }
        int end = edge(state, Kind.EMPTY, CodePoints.NONE);
        for (int i = repeat.min(); i < repeat.max(); i++) {
            state = write(repeat.body(), state);
            edge(state, Kind.EMPTY, CodePoints.NONE, end);
        }
        return end;
    }

    private record Positions(int[] sorted) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Positions positions && Arrays.equals(sorted, positions.sorted);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(sorted);
        }
    }

    private TextDfa determinize(int start, int end) {
        mark = new int[edges.size() * FLAGS];
        TextDfa.Builder out = new TextDfa.Builder(budget);
        Map<Positions, Integer> known = new HashMap<>();
        List<Positions> order = new ArrayList<>();
        IntList first = new IntList();
        first.add(start * FLAGS);
        enter(closed(first), end, known, order, out);
        for (int at = 0; at < order.size(); at++) {
            Map<Integer, CodePoints> moves = new HashMap<>();
            Map<Positions, Integer> byTargets = new HashMap<>();
            List<Edge> reading = reading(order.get(at));
            for (int[] range : ranges(reading)) {
                IntList targets = new IntList();
                for (Edge edge : reading) {
                    budget.spend(1);
                    if (edge.on().contains(range[0])) {
                        targets.add(edge.to() * FLAGS + MOVED);
                    }
                }
                if (targets.size() > 0) {
                    Positions key = new Positions(targets.toArray());
                    Integer to = byTargets.get(key);
                    if (to == null) {
                        to = enter(closed(targets), end, known, order, out);
                        byTargets.put(key, to);
                    }
                    moves.merge(to, CodePoints.range(range[0], range[1]), CodePoints::or);
                }
            }
            int from = at;
            moves.forEach((to, on) -> out.move(from, on, to));
        }
        return out.build();
    }

    private static int enter(
            Positions positions, int end, Map<Positions, Integer> known, List<Positions> order, TextDfa.Builder out) {
        Integer state = known.get(positions);
        if (state == null) {
            boolean accepts = Arrays.stream(positions.sorted()).anyMatch(p -> p / FLAGS == end);
            state = out.state(accepts);
            known.put(positions, state);
            order.add(positions);
        }
        return state;
    }

    private List<Edge> reading(Positions positions) {
        List<Edge> reading = new ArrayList<>();
        for (int position : positions.sorted()) {
            if ((position & AT_END) == 0) {
                for (Edge edge : edges.get(position / FLAGS)) {
                    if (edge.kind() == Kind.CHARS) {
                        reading.add(edge);
                    }
                }
            }
        }
        return reading;
    }

    /** The parts into which the edges' sets cut all characters, those that no set holds among them. */
    private static List<int[]> ranges(List<Edge> reading) {
        IntList borders = new IntList();
        for (Edge edge : reading) {
            for (int i = 0; i < edge.on().ranges(); i++) {
                borders.add(edge.on().first(i));
                borders.add(edge.on().last(i) + 1);
            }
        }
        borders.sortDistinct();
        List<int[]> ranges = new ArrayList<>();
        for (int i = 0; i + 1 < borders.size(); i++) {
            ranges.add(new int[] {borders.get(i), borders.get(i + 1) - 1});
        }
        return ranges;
    }

    private Positions closed(IntList positions) {
        marks++;
        IntList found = new IntList();
        for (int i = 0; i < positions.size(); i++) {
            add(positions.get(i), found);
        }
        for (int i = 0; i < found.size(); i++) {
            int flags = found.get(i) % FLAGS;
            for (Edge edge : edges.get(found.get(i) / FLAGS)) {
                budget.spend(1);
                boolean passes = edge.kind() == Kind.EMPTY || (edge.kind() == Kind.START && (flags & MOVED) == 0);
                if (passes) {
                    add(edge.to() * FLAGS + flags, found);
                } else if (edge.kind() == Kind.END) {
                    add(edge.to() * FLAGS + (flags | AT_END), found);
                }
            }
        }
        found.sortDistinct();
        return new Positions(found.toArray());
    }

    private void add(int position, IntList found) {
        if (mark[position] != marks) {
            mark[position] = marks;
            found.add(position);
        }
    }
}
