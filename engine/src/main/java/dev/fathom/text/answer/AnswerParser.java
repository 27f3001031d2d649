package dev.fathom.text.answer;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Takes one answer apart while it comes. The parts, joined, do not depend on how the text is cut into pieces. For one
 * thread.
 */
public final class AnswerParser {
    private final boolean separateReasoning;
    private final @Nullable ReasoningSplitter reasoning;
    private final @Nullable ToolCallParser toolCalls;
    private final Parts parts = new Parts();
    private final ReasoningSplitter.Sink sink = new ReasoningSplitter.Sink() {
        @Override
        public void reasoning(CharSequence text) {
            if (separateReasoning) {
                parts.reasoning(text);
            } else {
                parts.content(text);
            }
        }

        @Override
        public void content(CharSequence text) {
            AnswerParser.this.content(text);
        }

        @Override
        public void mark(CharSequence text) {
            if (!separateReasoning) {
                parts.content(text);
            }
        }
    };

    AnswerParser(AnswerReading reading) {
        separateReasoning = reading.separateReasoning();
        reasoning = reading.reasoning() == null ? null : new ReasoningSplitter(reading.reasoning(), reading.thinking());
        toolCalls = reading.toolCalls() == null
                ? null
                : new ToolCallParser(reading.toolCalls(), reading.functions(), reading.singleCall());
    }

    /** Takes more of the answer. */
    public void push(String text) {
        if (reasoning == null) {
            content(text);
        } else {
            for (int i = 0; i < text.length(); i++) {
                reasoning.accept(text.charAt(i), sink);
            }
        }
    }

    /** The parts that have become certain since the last time. */
    public List<AnswerPart> take() {
        return parts.take();
    }

    /** The answer ends here: what was held back becomes certain. */
    public void finish() {
        if (reasoning != null) {
            reasoning.finish(sink);
        }
        if (toolCalls != null) {
            toolCalls.finish(parts);
        }
    }

    /** Whether what comes next is reasoning, as far as one can tell. */
    public boolean inReasoning() {
        return reasoning != null && reasoning.inReasoning();
    }

    /** Whether the answer is complete before its text ends, because it has the one call that is wanted. */
    public boolean isFull() {
        return toolCalls != null && toolCalls.isFull();
    }

    /** Whether the answer so far has calls, all of them whole. */
    public boolean callsTools() {
        return toolCalls != null && toolCalls.callsTools();
    }

    private void content(CharSequence text) {
        if (toolCalls == null) {
            parts.content(text);
            return;
        }
        for (int i = 0; i < text.length(); i++) {
            toolCalls.accept(text.charAt(i), parts);
        }
    }
}
