package dev.fathom.text.grammar;

import java.util.Arrays;

/**
 * Reads text byte by byte, Earley's way: all that the text so far may be is in one set of items. Not thread-safe; items
 * and frames of two parsers must not meet.
 */
final class Parser {
    /** Items looked at between two calls of {@link #allow}; a step that needs more is refused. */
    static final long MOST_WORK = 30_000_000L;

    private final Grammar grammar;
    private Frame[] here = new Frame[8];
    private int hereSize;
    private long place;
    private long work = MOST_WORK;

    Parser(Grammar grammar) {
        this.grammar = grammar;
    }

    /** Lets the parser work on. */
    void allow(long units) {
        work = units;
    }

    /** The frame of a whole text, or of a part whose end is asked for. */
    static Frame bottom() {
        return new Frame(Grammar.NONE, Long.MIN_VALUE);
    }

    /** Before the first byte. */
    void begin(Frame bottom, Items out) {
        begin(grammar.start[grammar.root], 0, bottom, out);
    }

    /** In a node of a rule in use, closed over calls and ends. */
    void begin(int node, int count, Frame frame, Items out) {
        out.clear();
        out.add(node, count, frame);
        close(out, frame);
    }

    /** Reads one symbol. Afterwards {@code out} is empty and not complete if the text cannot go on so. */
    void advance(Items from, int value, Items out, Frame bottom) {
        out.clear();
        work -= from.size;
        for (int i = 0; i < from.size; i++) {
            int to = grammar.next(from.nodes[i], value);
            if (to != Grammar.NONE) {
                out.add(to, from.counts[i], from.frames[i]);
            }
        }
        if (out.size > 0) {
            close(out, bottom);
        }
    }

    private void close(Items out, Frame bottom) {
        place++;
        hereSize = 0;
        for (int i = 0; i < out.size; i++) {
            int node = out.nodes[i];
            int flags = grammar.flags[node];
            if ((flags & Grammar.ACCEPTS) != 0) {
                complete(out.frames[i], bottom, out);
            }
            if ((flags & Grammar.ENDS_BODY) != 0) {
                repeat(node, out.counts[i], out.frames[i], out);
            }
            if ((flags & Grammar.CALLS) != 0) {
                call(node, out.counts[i], out.frames[i], bottom, out);
            }
        }
        work -= out.size;
        if (work < 0) {
            throw new GrammarException("The grammar is too ambiguous: telling which tokens may come next takes too"
                    + " long. Simplify it.");
        }
        out.keepMoving(grammar);
    }

    /** A frame that ends where it began is not waited for: who calls a rule that may be empty goes on at once. */
    private void complete(Frame frame, Frame bottom, Items out) {
        if (frame == bottom) {
            out.complete = true;
        } else if (frame.place != place) {
            work -= frame.size;
            for (int i = 0; i < frame.size; i++) {
                out.add(frame.returns[i], frame.counts[i], frame.callers[i]);
            }
        }
    }

    private void repeat(int node, int count, Frame frame, Items out) {
        int rule = grammar.rule[node];
        Grammar.Loop loop = grammar.loops[rule];
        if (loop == null) {
            throw new IllegalStateException("node " + node + " ends the body of a rule without repetition");
        }
        int now = loop.clamp(count + 1);
        if (loop.goesOn(now)) {
            out.add(grammar.start[rule], now, frame);
        }
        if (now >= loop.min()) {
            out.add(loop.tail(), 0, frame);
        }
    }

    private void call(int node, int count, Frame frame, Frame bottom, Items out) {
        int[] calls = grammar.calls[node];
        work -= calls.length;
        for (int i = 0; i < calls.length; i += 2) {
            int rule = calls[i];
            int returnTo = calls[i + 1];
            Frame callee = frameHere(rule, out);
            if (isTail(returnTo) && frame != bottom && frame.place != place) {
                for (int caller = 0; caller < frame.size; caller++) {
                    callee.add(frame.returns[caller], frame.counts[caller], frame.callers[caller]);
                }
            } else {
                callee.add(returnTo, count, frame);
            }
            if (grammar.nullable[rule]) {
                out.add(returnTo, count, frame);
            }
        }
    }

    /** Nothing but the end follows: then whoever waits for the caller may as well wait for the callee. */
    private boolean isTail(int node) {
        return grammar.flags[node] == Grammar.ACCEPTS;
    }

    private Frame frameHere(int rule, Items out) {
        for (int i = 0; i < hereSize; i++) {
            if (here[i].rule == rule) {
                return here[i];
            }
        }
        Frame frame = new Frame(rule, place);
        if (hereSize == here.length) {
            here = Arrays.copyOf(here, 2 * hereSize);
        }
        here[hereSize++] = frame;
        out.add(grammar.start[rule], 0, frame);
        Grammar.Loop loop = grammar.loops[rule];
        if (loop != null && loop.min() == 0) {
            out.add(loop.tail(), 0, frame);
        }
        return frame;
    }
}
