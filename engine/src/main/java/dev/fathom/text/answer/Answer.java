package dev.fathom.text.answer;

import java.util.ArrayList;
import java.util.List;

/**
 * A whole answer, taken apart.
 *
 * @param reasoning  empty where there is none
 * @param content    empty where there is none
 * @param calls      the whole ones, in order
 */
public record Answer(String reasoning, String content, List<Call> calls) {
    public Answer {
        calls = List.copyOf(calls);
    }

    /** @param arguments a JSON object as the model wrote it */
    public record Call(String name, String arguments) {}

    /** Takes a whole text apart. */
    public static Answer of(String text, AnswerReading reading) {
        AnswerParser parser = reading.parser();
        var builder = new Builder();
        parser.push(text);
        parser.finish();
        builder.add(parser.take());
        return builder.build();
    }

    /** Puts parts together. */
    public static final class Builder {
        private final StringBuilder reasoning = new StringBuilder();
        private final StringBuilder content = new StringBuilder();
        private final StringBuilder arguments = new StringBuilder();
        private final List<Call> calls = new ArrayList<>();
        private String name = "";

        public void add(List<AnswerPart> parts) {
            parts.forEach(this::add);
        }

        private void add(AnswerPart part) {
            switch (part) {
                case AnswerPart.Reasoning text -> reasoning.append(text.text());
                case AnswerPart.Content text -> content.append(text.text());
                case AnswerPart.CallBegin begin -> {
                    name = begin.name();
                    arguments.setLength(0);
                }
                case AnswerPart.CallArguments more -> arguments.append(more.json());
                case AnswerPart.CallEnd end -> calls.add(new Call(name, arguments.toString()));
                case AnswerPart.CallDropped dropped -> {}
            }
        }

        public Answer build() {
            return new Answer(reasoning.toString(), content.toString(), calls);
        }
    }
}
