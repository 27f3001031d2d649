package dev.fathom.text.answer;

import java.util.ArrayList;
import java.util.List;

/** Collects parts; text that continues the last part is joined to it. */
final class Parts {
    private enum Kind {
        NONE,
        REASONING,
        CONTENT,
        ARGUMENTS
    }

    private List<AnswerPart> done = new ArrayList<>();
    private final StringBuilder text = new StringBuilder();
    private Kind kind = Kind.NONE;
    private int index;

    void reasoning(CharSequence more) {
        append(Kind.REASONING, 0, more);
    }

    void content(CharSequence more) {
        append(Kind.CONTENT, 0, more);
    }

    void arguments(int call, CharSequence more) {
        append(Kind.ARGUMENTS, call, more);
    }

    /** A part that is whole. */
    void add(AnswerPart part) {
        close();
        done.add(part);
    }

    /** Everything since the last call. */
    List<AnswerPart> take() {
        close();
        if (done.isEmpty()) {
            return List.of();
        }
        List<AnswerPart> taken = List.copyOf(done);
        done = new ArrayList<>();
        return taken;
    }

    private void append(Kind newKind, int newIndex, CharSequence more) {
        if (more.isEmpty()) {
            return;
        }
        if (kind != newKind || index != newIndex) {
            close();
            kind = newKind;
            index = newIndex;
        }
        text.append(more);
    }

    private void close() {
        switch (kind) {
            case NONE -> {
                return;
            }
            case REASONING -> done.add(new AnswerPart.Reasoning(text.toString()));
            case CONTENT -> done.add(new AnswerPart.Content(text.toString()));
            case ARGUMENTS -> done.add(new AnswerPart.CallArguments(index, text.toString()));
        }
        text.setLength(0);
        kind = Kind.NONE;
    }
}
