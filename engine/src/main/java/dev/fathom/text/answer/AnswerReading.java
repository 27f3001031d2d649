package dev.fathom.text.answer;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How one answer is to be taken apart.
 *
 * @param reasoning          null if it is all content
 * @param thinking           whether the prompt has opened the reasoning
 * @param separateReasoning  false leaves the reasoning in the content, marks and all
 * @param toolCalls          null if calls stay text
 * @param functions          those that may be called; the call of another one stays text
 * @param singleCall         whether the answer ends with its first call
 */
public record AnswerReading(
        @Nullable ReasoningFormat reasoning,
        boolean thinking,
        boolean separateReasoning,
        @Nullable ToolCallFormat toolCalls,
        Set<String> functions,
        boolean singleCall) {
    /** Everything is content. */
    public static final AnswerReading PLAIN = new AnswerReading(null, false, true, null, Set.of(), false);

    public AnswerReading {
        functions = Set.copyOf(functions);
    }

    /** For text that is reasoning and content. */
    public static AnswerReading ofReasoning(ReasoningFormat format, boolean thinking) {
        return new AnswerReading(format, thinking, true, null, Set.of(), false);
    }

    /** For text that is content and calls. */
    public static AnswerReading ofToolCalls(ToolCallFormat format, Set<String> functions) {
        return new AnswerReading(null, false, true, format, functions, false);
    }

    /** A new parser, for one answer. */
    public AnswerParser parser() {
        return new AnswerParser(this);
    }
}
