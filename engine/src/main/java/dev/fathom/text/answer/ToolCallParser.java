package dev.fathom.text.answer;

import java.util.Set;

/**
 * Takes calls out of an answer's content, character by character. What is no call, or a damaged one, stays text: from
 * the first character that belongs to no whole call everything to the end is content, marks and all.
 */
final class ToolCallParser implements CallSink {
    private enum State {
        TEXT,
        CALLS,
        /** After damage. */
        REST,
        /** After the only call that is wanted. */
        FULL
    }

    private final ToolCallFormat format;
    private final Set<String> functions;
    private final boolean single;
    private final UntilMark opening;
    private final StringBuilder passed = new StringBuilder();
    /** White space that is dropped where a block of calls follows. */
    private final StringBuilder spaces = new StringBuilder();
    /** What was read and not yet said in parts, or not for good. */
    private final StringBuilder raw = new StringBuilder();

    private Parts parts = new Parts();
    private CallReader reader;
    private State state = State.TEXT;
    private int calls;
    private boolean inCall;
    private boolean damaged;

    /** @param single whether the answer ends with its first call */
    ToolCallParser(ToolCallFormat format, Set<String> functions, boolean single) {
        this.format = format;
        this.functions = Set.copyOf(functions);
        this.single = single;
        this.opening = new UntilMark(format.opening());
        this.reader = format.reader(this.functions);
    }

    /** Whether nothing more is wanted. */
    boolean isFull() {
        return state == State.FULL;
    }

    /** Whether the answer so far has calls, and all of them are whole. */
    boolean callsTools() {
        return calls > 0 && !damaged;
    }

    void accept(char c, Parts out) {
        parts = out;
        switch (state) {
            case TEXT -> text(c);
            case CALLS -> call(c);
            case REST -> parts.content(String.valueOf(c));
            case FULL -> {}
        }
    }

    /** The answer ends here. */
    void finish(Parts out) {
        parts = out;
        if (state == State.TEXT) {
            passed.setLength(0);
            opening.finish(passed);
            content(passed);
            if (calls == 0) {
                parts.content(spaces);
            }
        } else if (state == State.CALLS
                && (inCall || calls == 0 || !raw.toString().isBlank())) {
            damage();
        }
    }

    @Override
    public void begin(String function) {
        inCall = true;
        parts.add(new AnswerPart.CallBegin(calls, function));
    }

    @Override
    public void arguments(CharSequence json) {
        parts.arguments(calls, json);
    }

    private void text(char c) {
        passed.setLength(0);
        boolean opened = opening.accept(c, passed);
        content(passed);
        if (opened) {
            raw.append(spaces).append(format.opening());
            spaces.setLength(0);
            reader = format.reader(functions);
            state = State.CALLS;
        }
    }

    private void call(char c) {
        raw.append(c);
        switch (reader.accept(c, this)) {
            case MORE -> {}
            case CALL -> {
                parts.add(new AnswerPart.CallEnd(calls));
                calls++;
                inCall = false;
                raw.setLength(0);
                state = single ? State.FULL : State.CALLS;
            }
            case BLOCK -> {
                if (calls == 0) {
                    damage(); // a block without a call says nothing
                    return;
                }
                raw.setLength(0);
                state = State.TEXT;
            }
            case DAMAGED -> damage();
        }
    }

    private void damage() {
        if (inCall) {
            parts.add(new AnswerPart.CallDropped(calls));
        }
        parts.content(raw);
        damaged = true;
        state = State.REST;
    }

    private void content(CharSequence text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isWhitespace(c)) {
                spaces.append(c);
            } else {
                parts.content(spaces);
                spaces.setLength(0);
                parts.content(String.valueOf(c));
            }
        }
    }
}
