package dev.fathom.api;

import java.util.List;

/**
 * Tokens that are not left to the model: the end of its reasoning where that gets too long, and how what follows begins.
 *
 * @param reasoningEnd        the token that ends the reasoning; {@link #NO_REASONING} if the sequence does not begin with it
 * @param maxReasoningTokens  after so many tokens of reasoning its end is written
 * @param openings            what follows the reasoning, or begins a sequence without, is one of these, of which none
 *                            begins another: where they differ the likeliest token decides; none at all leave it to the
 *                            model; not copied, must not change
 */
public record Guidance(int reasoningEnd, int maxReasoningTokens, List<int[]> openings) {
    public static final int NO_REASONING = -1;

    /** Everything is left to the model. */
    public static final Guidance NONE = new Guidance(NO_REASONING, Integer.MAX_VALUE, List.of());
}
