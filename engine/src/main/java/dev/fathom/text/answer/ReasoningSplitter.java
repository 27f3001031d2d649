package dev.fathom.text.answer;

/**
 * Splits an answer into reasoning and what follows it, character by character, so that the place does not depend on how
 * the text arrives.
 *
 * <p>Where the reasoning is open, it goes to the first end mark; a begin mark that the model writes first is taken off.
 * Where it is not, only a begin mark at the very beginning opens it. All other marks are text. Without an end mark
 * everything is reasoning.
 */
final class ReasoningSplitter {
    /** Receives every character exactly once, in order. */
    interface Sink {
        void reasoning(CharSequence text);

        void content(CharSequence text);

        /** Marks, and white space before the begin mark. */
        void mark(CharSequence text);
    }

    private enum State {
        /** Looking for a begin mark after nothing but white space. */
        BEGINNING,
        REASONING,
        CONTENT
    }

    private final ReasoningFormat format;
    private final UntilMark end;
    private final StringBuilder held = new StringBuilder();
    private final StringBuilder passed = new StringBuilder();
    private final boolean open;
    private int matched;
    private State state = State.BEGINNING;

    /** @param open whether reasoning has begun with the prompt */
    ReasoningSplitter(ReasoningFormat format, boolean open) {
        this.format = format;
        this.open = open;
        this.end = new UntilMark(format.end());
    }

    /** Whether what comes next is reasoning, as far as one can tell. */
    boolean inReasoning() {
        return state == State.REASONING || (state == State.BEGINNING && open);
    }

    void accept(char c, Sink sink) {
        switch (state) {
            case BEGINNING -> begin(c, sink);
            case REASONING -> reason(c, sink);
            case CONTENT -> sink.content(String.valueOf(c));
        }
    }

    /** The answer ends here. */
    void finish(Sink sink) {
        if (state == State.BEGINNING) {
            noBeginMark(sink);
        }
        if (state == State.REASONING) {
            passed.setLength(0);
            end.finish(passed);
            sink.reasoning(passed);
        }
    }

    private void begin(char c, Sink sink) {
        held.append(c);
        if (matched == 0 && Character.isWhitespace(c)) {
            return;
        }
        if (c != format.begin().charAt(matched)) {
            noBeginMark(sink);
        } else if (++matched == format.begin().length()) {
            sink.mark(held);
            held.setLength(0);
            state = State.REASONING;
        }
    }

    /** What was held back is text after all; it may hold the beginning of an end mark, or all of it. */
    private void noBeginMark(Sink sink) {
        String text = held.toString();
        held.setLength(0);
        state = open ? State.REASONING : State.CONTENT;
        for (int i = 0; i < text.length(); i++) {
            accept(text.charAt(i), sink);
        }
    }

    private void reason(char c, Sink sink) {
        passed.setLength(0);
        boolean ended = end.accept(c, passed);
        sink.reasoning(passed);
        if (ended) {
            sink.mark(format.end());
            state = State.CONTENT;
        }
    }
}
