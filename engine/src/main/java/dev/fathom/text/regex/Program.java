package dev.fathom.text.regex;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A pattern as instructions of a backtracking machine: {@code op[i]} with operands {@code x[i]} and {@code y[i]}.
 *
 * <p>Sub-programs of look-around and atomic groups follow their instruction and end in ACCEPT.
 */
final class Program {
    /** Consume one code point of set x. */
    static final int CHAR = 0;
    /** Consume as many code points of set x as there are, at least y (0 or 1), giving back one by one. */
    static final int RUN = 1;
    /** As RUN, giving nothing back. */
    static final int RUN_ATOMIC = 2;
    /** Go on at x, and when that fails at y. */
    static final int SPLIT = 3;

    static final int JUMP = 4;
    /** Sub-program at the next instruction must match here; go on at x. */
    static final int LOOK = 5;

    static final int LOOK_NOT = 6;
    /** As LOOK, beginning y code points before. */
    static final int BEHIND = 7;

    static final int BEHIND_NOT = 8;
    /** Sub-program at the next instruction, its first match only; go on at x behind it. */
    static final int ATOMIC = 9;
    /** Place y of the list must hold here; go on at x. */
    static final int ANCHOR = 10;

    static final int ACCEPT = 11;
    /** As SPLIT, when the code point here is in set {@code guard[i]}; else go on at y. */
    static final int SPLIT_IF = 12;

    /** Instructions; counted repeats are written out, and a pattern is untrusted. */
    private static final int MAX_SIZE = 20_000;

    private int[] ops = new int[32];
    private int[] xs = new int[32];
    private int[] ys = new int[32];
    private int size;
    private final List<CodePointSet> sets = new ArrayList<>();
    private final List<Node.Place> places = new ArrayList<>();

    /** The finished form, arrays trimmed. */
    record Code(int[] op, int[] x, int[] y, int[] guard, CodePointSet[] sets, Node.Place[] places) {}

    private int[] guards = new int[32];

    private Program() {}

    static Code compile(Node node) {
        Program program = new Program();
        program.emit(node);
        program.add(ACCEPT, 0, 0);
        return new Code(
                Arrays.copyOf(program.ops, program.size),
                Arrays.copyOf(program.xs, program.size),
                Arrays.copyOf(program.ys, program.size),
                Arrays.copyOf(program.guards, program.size),
                program.sets.toArray(CodePointSet[]::new),
                program.places.toArray(Node.Place[]::new));
    }

    private void emit(Node node) {
        switch (node) {
            case Node.Chars chars -> add(CHAR, set(chars.set()), 0);
            case Node.Sequence sequence -> sequence.parts().forEach(this::emit);
            case Node.Choice choice -> choice(choice.options());
            case Node.Repeat repeat -> repeat(repeat);
            case Node.Look look -> look(look);
            case Node.Atomic atomic -> sub(ATOMIC, 0, atomic.body());
            case Node.Anchor anchor -> anchor(anchor.place());
        }
    }

    private void anchor(Node.Place place) {
        places.add(place);
        int at = add(ANCHOR, 0, places.size() - 1);
        xs[at] = size;
    }

    private void choice(List<Node> options) {
        List<Integer> exits = new ArrayList<>();
        for (int i = 0; i < options.size() - 1; i++) {
            Node option = options.get(i);
            int split = add(SPLIT, 0, 0);
            if (!option.nullable()) {
                ops[split] = SPLIT_IF;
                guards[split] = set(new CodePointSet(option::mayBeginWith));
            }
            xs[split] = size;
            emit(option);
            exits.add(add(JUMP, 0, 0));
            ys[split] = size;
        }
        emit(options.getLast());
        for (int exit : exits) {
            xs[exit] = size;
        }
    }

    private void repeat(Node.Repeat repeat) {
        if (repeat.mode() == Node.Mode.POSSESSIVE
                && !(repeat.body() instanceof Node.Chars && repeat.max() == Node.UNBOUNDED)) {
            sub(ATOMIC, 0, new Node.Repeat(repeat.body(), repeat.min(), repeat.max(), Node.Mode.GREEDY));
            return;
        }
        boolean endless = repeat.max() == Node.UNBOUNDED;
        boolean run = endless && repeat.body() instanceof Node.Chars && repeat.mode() != Node.Mode.LAZY;
        int written = run ? Math.max(repeat.min() - 1, 0) : repeat.min();
        for (int i = 0; i < written; i++) {
            emit(repeat.body());
        }
        if (run) {
            CodePointSet set = ((Node.Chars) repeat.body()).set();
            int op = repeat.mode() == Node.Mode.POSSESSIVE ? RUN_ATOMIC : RUN;
            add(op, set(set), Math.min(repeat.min(), 1));
        } else if (endless) {
            int split = add(SPLIT, 0, 0);
            int body = size;
            emit(repeat.body());
            add(JUMP, split, 0);
            branch(split, body, size, repeat.mode());
        } else {
            List<Integer> splits = new ArrayList<>();
            for (int i = repeat.min(); i < repeat.max(); i++) {
                splits.add(add(SPLIT, 0, 0));
                emit(repeat.body());
            }
            for (int split : splits) {
                branch(split, split + 1, size, repeat.mode());
            }
        }
    }

    private void branch(int split, int body, int exit, Node.Mode mode) {
        xs[split] = mode == Node.Mode.LAZY ? exit : body;
        ys[split] = mode == Node.Mode.LAZY ? body : exit;
    }

    private void look(Node.Look look) {
        if (look.behind()) {
            sub(look.negative() ? BEHIND_NOT : BEHIND, look.body().fixedLength(), look.body());
        } else {
            sub(look.negative() ? LOOK_NOT : LOOK, 0, look.body());
        }
    }

    private void sub(int op, int operand, Node body) {
        int at = add(op, 0, operand);
        emit(body);
        add(ACCEPT, 0, 0);
        xs[at] = size;
    }

    private int set(CodePointSet set) {
        sets.add(set);
        return sets.size() - 1;
    }

    private int add(int op, int x, int y) {
        if (size >= MAX_SIZE) {
            throw new RegexException("the pattern is too large: more than " + MAX_SIZE + " instructions");
        }
        if (size == ops.length) {
            ops = Arrays.copyOf(ops, size * 2);
            xs = Arrays.copyOf(xs, size * 2);
            ys = Arrays.copyOf(ys, size * 2);
            guards = Arrays.copyOf(guards, size * 2);
        }
        ops[size] = op;
        xs[size] = x;
        ys[size] = y;
        return size++;
    }
}
