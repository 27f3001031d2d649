package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A deterministic automaton over Unicode characters: what a string may be, before anybody asks how it is written down.
 * Immutable once built. The moves of a state are on disjoint sets; a character without a move ends in failure.
 */
final class TextDfa {
    static final int START = 0;

    /** Most states of one of these; beyond it a pattern is refused. */
    static final int MOST_STATES = 20_000;

    private static final int DEAD = -1;

    private final List<List<Move>> moves;
    private final List<Boolean> accepts;

    record Move(CodePoints on, int to) {}

    private TextDfa(List<List<Move>> moves, List<Boolean> accepts) {
        this.moves = moves;
        this.accepts = accepts;
    }

    int states() {
        return moves.size();
    }

    List<Move> moves(int state) {
        return moves.get(state);
    }

    boolean accepts(int state) {
        return accepts.get(state);
    }

    boolean matches(String text) {
        int state = START;
        for (int c : text.codePoints().toArray()) {
            state = next(state, c);
            if (state == DEAD) {
                return false;
            }
        }
        return accepts(state);
    }

    private int next(int state, int c) {
        for (Move move : moves(state)) {
            if (move.on().contains(c)) {
                return move.to();
            }
        }
        return DEAD;
    }

    /** Adds states by number and moves between them. */
    static final class Builder {
        private final List<List<Move>> moves = new ArrayList<>();
        private final List<Boolean> accepts = new ArrayList<>();
        private final Budget budget;

        Builder(Budget budget) {
            this.budget = budget;
        }

        int state(boolean accepting) {
            budget.spend(16);
            if (moves.size() >= MOST_STATES) {
                throw new GrammarException("A pattern or length of a string is too complex: it needs more than "
                        + MOST_STATES + " states. Simplify it.");
            }
            moves.add(new ArrayList<>());
            accepts.add(accepting);
            return moves.size() - 1;
        }

        void move(int from, CodePoints on, int to) {
            budget.spend(4 + on.ranges());
            if (!on.isEmpty()) {
                moves.get(from).add(new Move(on, to));
            }
        }

        TextDfa build() {
            return new TextDfa(moves, accepts);
        }
    }

    /** Everything but what this matches. */
    TextDfa not(Budget budget) {
        Builder out = new Builder(budget);
        for (int state = 0; state < states(); state++) {
            out.state(!accepts(state));
        }
        int rest = out.state(true);
        for (int state = 0; state < states(); state++) {
            CodePoints left = CodePoints.ALL;
            for (Move move : moves(state)) {
                out.move(state, move.on(), move.to());
                left = left.minus(move.on());
            }
            out.move(state, left, rest);
        }
        out.move(rest, CodePoints.ALL, rest);
        return out.build();
    }

    /** What both match. */
    TextDfa and(TextDfa other, Budget budget) {
        Builder out = new Builder(budget);
        Map<Long, Integer> known = new HashMap<>();
        List<Long> order = new ArrayList<>();
        pair(START, START, other, known, order, out);
        for (int at = 0; at < order.size(); at++) {
            int left = (int) (order.get(at) >>> 32);
            int right = order.get(at).intValue();
            for (Move a : moves(left)) {
                for (Move b : other.moves(right)) {
                    budget.spend(2);
                    CodePoints both = a.on().and(b.on());
                    if (!both.isEmpty()) {
                        out.move(at, both, pair(a.to(), b.to(), other, known, order, out));
                    }
                }
            }
        }
        return out.build();
    }

    private int pair(int left, int right, TextDfa other, Map<Long, Integer> known, List<Long> order, Builder out) {
        long key = (long) left << 32 | right;
        Integer state = known.get(key);
        if (state == null) {
            state = out.state(accepts(left) && other.accepts(right));
            known.put(key, state);
            order.add(key);
        }
        return state;
    }

    /** Texts of {@code min} to {@code max} characters of a set; {@link Expr#UNBOUNDED} is no limit. */
    static TextDfa lengths(int min, int max, CodePoints of, Budget budget) {
        Builder out = new Builder(budget);
        int last = max == Expr.UNBOUNDED ? min : max;
        for (int length = 0; length <= last; length++) {
            out.state(length >= min);
        }
        for (int length = 0; length < last; length++) {
            out.move(length, of, length + 1);
        }
        if (max == Expr.UNBOUNDED) {
            out.move(last, of, last);
        }
        return out.build();
    }

    /** Exactly these texts. */
    static TextDfa texts(Iterable<String> texts, Budget budget) {
        List<Map<Integer, Integer>> next = new ArrayList<>();
        List<Boolean> ends = new ArrayList<>();
        next.add(new HashMap<>());
        ends.add(false);
        for (String text : texts) {
            int state = START;
            for (int c : text.codePoints().toArray()) {
                budget.spend(4);
                Integer to = next.get(state).get(c);
                if (to == null) {
                    to = next.size();
                    next.get(state).put(c, to);
                    next.add(new HashMap<>());
                    ends.add(false);
                }
                state = to;
            }
            ends.set(state, true);
        }
        Builder out = new Builder(budget);
        ends.forEach(out::state);
        for (int state = 0; state < next.size(); state++) {
            int from = state;
            next.get(state).forEach((c, to) -> out.move(from, CodePoints.of(c), to));
        }
        return out.build();
    }
}
