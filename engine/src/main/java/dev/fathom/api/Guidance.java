package dev.fathom.api;

/**
 * Tokens that are not left to the model: the end of its reasoning where that gets too long.
 *
 * @param reasoningEnd        the token that ends the reasoning; {@link #NO_REASONING} if the sequence does not begin with it
 * @param maxReasoningTokens  after so many tokens of reasoning its end is written
 */
public record Guidance(int reasoningEnd, int maxReasoningTokens) {
    public static final int NO_REASONING = -1;

    /** Everything is left to the model. */
    public static final Guidance NONE = new Guidance(NO_REASONING, Integer.MAX_VALUE);
}
