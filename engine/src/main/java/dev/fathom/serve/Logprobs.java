package dev.fathom.serve;

/**
 * Which log-probabilities each token of an answer carries.
 *
 * @param chosen  whether the chosen token's own is wanted
 * @param top     how many of the most likely alternatives, 0 for none
 */
public record Logprobs(boolean chosen, int top) {
    public static final Logprobs NONE = new Logprobs(false, 0);
}
