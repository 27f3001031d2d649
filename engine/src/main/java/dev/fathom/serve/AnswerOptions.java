package dev.fathom.serve;

/**
 * How a chat's answer is taken apart.
 *
 * @param separateReasoning  false leaves the reasoning in the content
 * @param toolChoice         what becomes of the request's tools, if it has any
 * @param parallelToolCalls  false ends the answer with its first call
 */
public record AnswerOptions(boolean separateReasoning, ToolChoice toolChoice, boolean parallelToolCalls) {
    public static final AnswerOptions DEFAULT = new AnswerOptions(true, new ToolChoice.Auto(), true);
}
