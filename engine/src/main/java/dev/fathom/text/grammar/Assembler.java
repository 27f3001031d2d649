package dev.fathom.text.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rules to one nondeterministic automaton. Repetitions with large bounds are not written out: they become counted rules,
 * whose parser items carry a number.
 */
final class Assembler {
    /** Bounds up to this are written out. */
    private static final int WRITTEN_OUT = 8;

    /** The same for a single character, which is one more state each time. */
    private static final int CHARACTERS_WRITTEN_OUT = 32;

    /** Bounds up to this are written out where counting does not work, since the body may be empty. */
    private static final int MOST_WRITTEN_OUT = 128;

    private static final int MOST_MEMBER_STATES = 20_000;

    private final Emptiness emptiness;
    private final Nfa nfa;
    private final CharacterEdges characters;
    private final List<Assembled> assembled = new ArrayList<>();

    /**
     * A rule's part of the automaton.
     *
     * @param end      state in which it is complete
     * @param counted  null for a plain rule
     */
    record Assembled(int start, int end, @Nullable Counted counted) {}

    /**
     * A rule that matches its body {@code min} to {@code max} times (start to end of {@link Assembled}), and then its
     * tail. The body never matches the empty text.
     */
    record Counted(int min, int max, int tailStart, int tailEnd) {}

    private Assembler(Rules rules) {
        this.emptiness = new Emptiness(rules);
        this.nfa = new Nfa(rules.budget());
        this.characters = new CharacterEdges(nfa);
    }

    /** All rules; those behind the grammar's own count. */
    record Result(Nfa nfa, List<Assembled> rules) {}

    static Result assemble(Rules rules) {
        Assembler assembler = new Assembler(rules);
        int own = rules.size();
        for (int rule = 0; rule < own; rule++) {
            assembler.assembled.add(new Assembled(0, 0, null)); // counted rules come behind all of the grammar's
        }
        for (int rule = 0; rule < own; rule++) {
            int start = assembler.nfa.state();
            assembler.assembled.set(rule, new Assembled(start, assembler.write(rules.body(rule), start), null));
        }
        return new Result(assembler.nfa, assembler.assembled);
    }

    /** Writes what matches {@code expr}, beginning in {@code from}, and returns the state after it. */
    private int write(Expr expr, int from) {
        return switch (expr) {
            case Expr.Literal literal -> literal(literal.text(), from);
            case Expr.Chars chars -> {
                int end = nfa.state();
                characters.add(from, chars.set(), chars.form(), end);
                yield end;
            }
            case Expr.Text text -> text(text, from);
            case Expr.Dispatch dispatch -> dispatch(dispatch, from);
            case Expr.Sequence sequence -> sequence(sequence.parts(), from);
            case Expr.Choice choice -> {
                int end = nfa.state();
                for (Expr option : choice.options()) {
                    nfa.epsilon(write(option, from), end);
                }
                yield end;
            }
            case Expr.Repeat repeat -> sequence(List.of(repeat), from);
            case Expr.Members members -> members(members, from);
            case Expr.Call call -> {
                int end = nfa.state();
                nfa.call(from, call.rule(), end);
                yield end;
            }
        };
    }

    private int literal(String text, int from) {
        int state = from;
        for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
            int next = nfa.state();
            nfa.bytes(state, value & 0xff, value & 0xff, next);
            state = next;
        }
        return state;
    }

    private int text(Expr.Text text, int from) {
        int end = nfa.state();
        states(text.dfa(), text.form(), from, end);
        return end;
    }

    private int dispatch(Expr.Dispatch dispatch, int from) {
        int end = nfa.state();
        int[] states = states(dispatch.text(), Expr.Form.RAW, from, end);
        dispatch.found()
                .forEach((state, then) ->
                        nfa.epsilon(write(then, states[state]), dispatch.again() ? states[TextDfa.START] : end));
        return end;
    }

    /** The automaton's states, the first one after {@code from}, and {@code end} after those that accept. */
    private int[] states(TextDfa dfa, Expr.Form form, int from, int end) {
        int[] states = new int[dfa.states()];
        for (int i = 0; i < states.length; i++) {
            states[i] = nfa.state();
            if (dfa.accepts(i)) {
                nfa.epsilon(states[i], end);
            }
        }
        nfa.epsilon(from, states[TextDfa.START]);
        for (int i = 0; i < states.length; i++) {
            for (TextDfa.Move move : dfa.moves(i)) {
                characters.add(states[i], move.on(), form, states[move.to()]);
            }
        }
        return states;
    }

    private int sequence(List<Expr> nested, int from) {
        List<Expr> parts = new ArrayList<>();
        flatten(nested, parts);
        int state = from;
        for (int i = 0; i < parts.size(); i++) {
            if (!(parts.get(i) instanceof Expr.Repeat repeat)) {
                state = write(parts.get(i), state);
                continue;
            }
            boolean character = repeat.body() instanceof Expr.Chars chars && chars.form() == Expr.Form.RAW;
            int most = character ? CHARACTERS_WRITTEN_OUT : WRITTEN_OUT;
            boolean large = (repeat.max() != Expr.UNBOUNDED && repeat.max() > most) || repeat.min() > most;
            if (!large) {
                state = writtenOut(repeat, state);
            } else if (emptiness.of(repeat.body())) {
                state = writtenOut(bounded(repeat), state);
            } else {
                int end = nfa.state();
                nfa.call(state, counted(repeat, parts.subList(i + 1, parts.size())), end);
                return end;
            }
        }
        return state;
    }

    private static void flatten(List<Expr> nested, List<Expr> flat) {
        for (Expr part : nested) {
            if (part instanceof Expr.Sequence inner) {
                flatten(inner.parts(), flat);
            } else {
                flat.add(part);
            }
        }
    }

    /** One row of states for each number of members so far, as far as that number matters. */
    private int members(Expr.Members list, int from) {
        boolean endless = list.max() == Expr.UNBOUNDED;
        int last = endless ? Math.max(list.min(), 1) : list.max();
        if ((long) (last + 1) * (list.members().size() + 1) > MOST_MEMBER_STATES) {
            throw new GrammarException("minProperties and maxProperties beside "
                    + list.members().size() + " named properties are too large: not supported.");
        }
        int[] row = new int[last + 1];
        for (int i = 0; i <= last; i++) {
            row[i] = nfa.state();
        }
        nfa.epsilon(from, row[0]);
        for (Expr.Member member : list.members()) {
            int[] next = new int[last + 1];
            for (int i = 0; i <= last; i++) {
                next[i] = nfa.state();
                if (!member.required()) {
                    nfa.epsilon(row[i], next[i]);
                }
            }
            oneMore(member.expr(), list.separator(), row, next, endless);
            row = next;
        }
        if (list.extra() != null) {
            oneMore(list.extra(), list.separator(), row, row, endless);
        }
        int end = nfa.state();
        for (int i = list.min(); i <= last; i++) {
            nfa.epsilon(row[i], end);
        }
        return end;
    }

    private void oneMore(Expr member, Expr separator, int[] from, int[] to, boolean endless) {
        for (int i = 0; i < from.length; i++) {
            int more = endless ? Math.min(i + 1, from.length - 1) : i + 1;
            if (more < from.length) {
                int at = i == 0 ? from[i] : write(separator, from[i]);
                nfa.epsilon(write(member, at), to[more]);
            }
        }
    }

    /** A body that may be empty matches any smaller number of times as well. */
    private static Expr.Repeat bounded(Expr.Repeat repeat) {
        if (repeat.max() == Expr.UNBOUNDED) {
            return new Expr.Repeat(repeat.body(), 0, Expr.UNBOUNDED);
        }
        if (repeat.max() > MOST_WRITTEN_OUT) {
            throw new GrammarException("A repetition of up to " + repeat.max()
                    + " times of something that may be empty is not supported: use at most " + MOST_WRITTEN_OUT
                    + ", or no upper bound.");
        }
        return new Expr.Repeat(repeat.body(), 0, repeat.max());
    }

    /** What follows the repetition in its sequence becomes its tail, so that its end and what comes then meet in one rule. */
    private int counted(Expr.Repeat repeat, List<Expr> tail) {
        int start = nfa.state();
        int end = write(repeat.body(), start);
        int tailStart = nfa.state();
        int tailEnd = sequence(tail, tailStart);
        assembled.add(new Assembled(start, end, new Counted(repeat.min(), repeat.max(), tailStart, tailEnd)));
        return assembled.size() - 1;
    }

    private int writtenOut(Expr.Repeat repeat, int from) {
        int state = from;
        for (int i = 0; i < repeat.min(); i++) {
            state = write(repeat.body(), state);
        }
        if (repeat.max() == Expr.UNBOUNDED) {
            int loop = nfa.state();
            int end = nfa.state();
            nfa.epsilon(state, loop);
            nfa.epsilon(loop, end);
            nfa.epsilon(write(repeat.body(), loop), loop);
            return end;
        }
        int end = nfa.state();
        nfa.epsilon(state, end);
        for (int i = repeat.min(); i < repeat.max(); i++) {
            state = write(repeat.body(), state);
            nfa.epsilon(state, end);
        }
        return end;
    }
}
