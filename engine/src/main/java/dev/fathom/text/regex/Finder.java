package dev.fathom.text.regex;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Finds the matches of a pattern in a part of a text, one after the other; for one thread.
 *
 * <p>Backtracking keeps its own stack, so no text overflows the thread's. A greedy run that failed once is not tried again
 * from a later start within itself, and the steps of a search are counted: no pattern can hang on any text.
 */
public final class Finder {
    /** Steps granted per character of each text, and once to begin with; ordinary patterns take below 30 a character. */
    private static final long STEPS_PER_CHARACTER = 500;

    private static final long STEPS_TO_BEGIN = 1_000_000;

    /** Ints of a frame: instruction, position (or start of a run), where a run stands, where it ended (or -1). */
    private static final int FRAME = 4;

    private final int[] op;
    private final int[] x;
    private final int[] y;
    private final int[] guard;
    private final CodePointSet[] sets;
    private final Node.Place[] places;
    private final @Nullable CodePointSet first;
    /** Per RUN instruction the last stretch of text from all of whose positions it is known to fail. */
    private final int[] failedFrom;

    private final int[] failedTo;
    private int[] stack = new int[FRAME * 16];
    private int top;

    private String text = "";
    private int from;
    private int to;
    private int next;
    private int lastEnd;
    private int start;
    private int end;
    private long steps = STEPS_TO_BEGIN;
    /** Where {@link #backtrack} went on. */
    private int resumed;

    Finder(Program.Code code, @Nullable CodePointSet first) {
        this.op = code.op();
        this.x = code.x();
        this.y = code.y();
        this.guard = code.guard();
        this.sets = code.sets();
        this.places = code.places();
        this.first = first;
        this.failedFrom = new int[op.length];
        this.failedTo = new int[op.length];
    }

    /** Points the search at {@code text[from, to)}; anchors and look-around see nothing outside of it. */
    public void reset(String searched, int begin, int limit) {
        text = searched;
        from = begin;
        to = limit;
        next = begin;
        lastEnd = -1;
        steps += STEPS_PER_CHARACTER * (limit - begin);
        Arrays.fill(failedFrom, 0);
        Arrays.fill(failedTo, 0);
    }

    /**
     * Moves to the next match; an empty match directly behind the last match is none.
     *
     * @throws RegexException if the pattern needs too many steps on this text
     */
    public boolean find() {
        int at = next;
        while (at <= to) {
            if (first != null) {
                while (at < to && !first.contains(codePoint(at))) {
                    at += width(at);
                }
                if (at == to) {
                    break;
                }
            }
            int matched = run(0, at);
            if (matched >= 0 && (matched != at || at != lastEnd)) {
                start = at;
                end = matched;
                next = matched;
                lastEnd = matched;
                return true;
            }
            at += at < to ? width(at) : 1;
        }
        next = to + 1;
        return false;
    }

    /** The first character of the match. */
    public int start() {
        return start;
    }

    /** The character after the match. */
    public int end() {
        return end;
    }

    /** Runs a (sub-)program from a position; the end of its match, or -1. */
    private int run(int firstInstruction, int begin) {
        int base = top;
        int pc = firstInstruction;
        int at = begin;
        while (pc >= 0) {
            if (--steps < 0) {
                throw new RegexException(
                        "the pattern needs too many steps on a text of " + (to - from) + " characters");
            }
            switch (op[pc]) {
                case Program.CHAR -> {
                    if (at < to && sets[x[pc]].contains(codePoint(at))) {
                        at += width(at);
                        pc++;
                        continue;
                    }
                }
                case Program.RUN, Program.RUN_ATOMIC -> {
                    int stop = runEnd(pc, at);
                    if (stop >= 0) {
                        at = stop;
                        pc++;
                        continue;
                    }
                }
                case Program.SPLIT_IF, Program.SPLIT -> {
                    if (op[pc] == Program.SPLIT || (at < to && sets[guard[pc]].contains(codePoint(at)))) {
                        push(y[pc], at, 0, -1);
                        pc = x[pc];
                    } else {
                        pc = y[pc];
                    }
                    continue;
                }
                case Program.JUMP -> {
                    pc = x[pc];
                    continue;
                }
                case Program.ACCEPT -> {
                    top = base;
                    return at;
                }
                default -> {
                    int stop = special(pc, at);
                    if (stop >= 0) {
                        at = stop;
                        pc = x[pc];
                        continue;
                    }
                }
            }
            // This way failed: take up the youngest choice that is left.
            pc = -1;
            while (pc < 0 && top > base) {
                pc = backtrack();
                at = resumed;
            }
        }
        return -1;
    }

    /** Runs what consumes by a sub-program or nothing at all; the position to go on at, or -1. */
    private int special(int pc, int at) {
        return switch (op[pc]) {
            case Program.ATOMIC -> run(pc + 1, at);
            case Program.ANCHOR -> holds(places[y[pc]], at) ? at : -1;
            default -> look(pc, at) ? at : -1;
        };
    }

    /** Takes up the youngest frame: the instruction to go on at (position in {@link #resumed}), or -1 if it is used up. */
    private int backtrack() {
        int frame = top - FRAME;
        int pc = stack[frame];
        if (stack[frame + 3] < 0) {
            top = frame;
            resumed = stack[frame + 1];
            return pc;
        }
        int begin = stack[frame + 1];
        int shortest = y[pc] == 0 ? begin : begin + width(begin);
        int at = stack[frame + 2];
        if (at <= shortest) {
            // Every length failed, so every later start within this run fails, too: it offers no other ends.
            failedFrom[pc] = begin;
            failedTo[pc] = stack[frame + 3];
            top = frame;
            return -1;
        }
        at -= Character.isLowSurrogate(text.charAt(at - 1))
                        && at - 1 > begin
                        && Character.isHighSurrogate(text.charAt(at - 2))
                ? 2
                : 1;
        stack[frame + 2] = at;
        resumed = at;
        return pc + 1;
    }

    /** The end of the longest run from here, its way back noted on the stack; -1 if it is too short or known to fail. */
    private int runEnd(int pc, int begin) {
        boolean atomic = op[pc] == Program.RUN_ATOMIC;
        if (!atomic && begin >= failedFrom[pc] && begin < failedTo[pc]) {
            return -1;
        }
        CodePointSet set = sets[x[pc]];
        int at = begin;
        while (at < to && set.contains(codePoint(at))) {
            at += width(at);
        }
        steps -= (at - begin) >> 4;
        if (at == begin && y[pc] > 0) {
            return -1;
        }
        if (!atomic && at > begin) {
            push(pc, begin, at, at);
        }
        return at;
    }

    private boolean look(int pc, int at) {
        int begin = at;
        boolean behind = op[pc] == Program.BEHIND || op[pc] == Program.BEHIND_NOT;
        boolean negative = op[pc] == Program.LOOK_NOT || op[pc] == Program.BEHIND_NOT;
        if (behind) {
            for (int i = 0; i < y[pc]; i++) {
                if (begin <= from) {
                    return negative;
                }
                begin -= begin - 2 >= from && Character.isSurrogatePair(text.charAt(begin - 2), text.charAt(begin - 1))
                        ? 2
                        : 1;
            }
        }
        return run(pc + 1, begin) >= 0 != negative;
    }

    private boolean holds(Node.Place place, int at) {
        return switch (place) {
            case LINE_START -> at == from || (at < to && text.charAt(at - 1) == '\n');
            case LINE_END -> at == to || text.charAt(at) == '\n';
            case TEXT_START -> at == from;
            case TEXT_END -> at == to;
            case TEXT_END_OR_LAST_NEWLINE -> at == to || (at == to - 1 && text.charAt(at) == '\n');
            case WORD_BOUNDARY -> wordBefore(at) != wordAfter(at);
            case NO_WORD_BOUNDARY -> wordBefore(at) == wordAfter(at);
        };
    }

    private boolean wordBefore(int at) {
        return at > from && Properties.WORD.test(text.codePointBefore(at));
    }

    private boolean wordAfter(int at) {
        return at < to && Properties.WORD.test(codePoint(at));
    }

    private int codePoint(int at) {
        char c = text.charAt(at);
        if (Character.isHighSurrogate(c) && at + 1 < to) {
            char low = text.charAt(at + 1);
            if (Character.isLowSurrogate(low)) {
                return Character.toCodePoint(c, low);
            }
        }
        return c;
    }

    private int width(int at) {
        return at + 1 < to && Character.isSurrogatePair(text.charAt(at), text.charAt(at + 1)) ? 2 : 1;
    }

    private void push(int pc, int position, int current, int runEnd) {
        if (top + FRAME > stack.length) {
            stack = Arrays.copyOf(stack, stack.length * 2);
        }
        stack[top] = pc;
        stack[top + 1] = position;
        stack[top + 2] = current;
        stack[top + 3] = runEnd;
        top += FRAME;
    }
}
