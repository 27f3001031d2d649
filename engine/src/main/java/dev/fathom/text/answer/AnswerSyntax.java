package dev.fathom.text.answer;

import org.jspecify.annotations.Nullable;

/**
 * How a model writes its answers.
 *
 * @param reasoning null where it marks no reasoning
 * @param toolCalls null where it calls no tools
 */
public record AnswerSyntax(
        @Nullable ReasoningFormat reasoning, @Nullable ToolCallFormat toolCalls) {
    /** Content and nothing else. */
    public static final AnswerSyntax PLAIN = new AnswerSyntax(null, null);
}
