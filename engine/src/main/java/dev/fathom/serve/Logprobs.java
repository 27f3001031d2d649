package dev.fathom.serve;

import dev.fathom.api.TokenReports;

/**
 * Which log-probabilities an answer carries.
 *
 * @param chosen   whether each token's own is wanted
 * @param top      how many of the most likely alternatives, 0 for none
 * @param reports  others: those of the prompt, and of given tokens
 */
public record Logprobs(boolean chosen, int top, TokenReports reports) {
    public static final Logprobs NONE = new Logprobs(false, 0);

    /** Of the answer's tokens alone. */
    public Logprobs(boolean chosen, int top) {
        this(chosen, top, TokenReports.NONE);
    }

    /** The prompt's tokens, too, from this one on. */
    public Logprobs withPrompt(int from) {
        return new Logprobs(chosen, top, new TokenReports(from, reports.ids()));
    }
}
