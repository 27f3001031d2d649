package dev.fathom.api;

import java.util.List;

/**
 * What a sequence tells its requester: its prompt, if that was asked for, any number of tokens, then exactly one Finished or
 * Failed.
 */
public sealed interface GenerationEvent {
    /**
     * The prompt's tokens from {@link TokenReports#promptFrom} on, as if they had been generated. The first of them has no
     * log-probability, which is NaN, and no alternatives.
     */
    record Prompt(List<Token> tokens) implements GenerationEvent {}

    /**
     * One generated token.
     *
     * @param logprob  natural log of the token's probability before temperature and masks, 0 unless asked for
     * @param top      the most likely alternatives, best first, empty unless asked for
     * @param asked    the tokens of {@link TokenReports#ids}, in its order
     */
    record Token(int id, float logprob, List<TokenLogprob> top, List<TokenLogprob> asked) implements GenerationEvent {
        public Token(int id, float logprob, List<TokenLogprob> top) {
            this(id, logprob, top, List.of());
        }
    }

    /** @param cachedTokens prompt tokens taken from the prefix cache instead of computed */
    record Finished(FinishReason reason, int promptTokens, int completionTokens, int cachedTokens)
            implements GenerationEvent {}

    record Failed(RequestException error) implements GenerationEvent {}

    /** @param logprob natural logarithm */
    record TokenLogprob(int id, float logprob) {}
}
