package dev.fathom.api;

import java.util.List;

/** What a sequence tells its requester: any number of tokens, then exactly one Finished or Failed. */
public sealed interface GenerationEvent {
    /**
     * One generated token.
     *
     * @param logprob  natural log of the token's probability before temperature and masks, 0 unless asked for
     * @param top      the most likely alternatives, best first, empty unless asked for
     */
    record Token(int id, float logprob, List<TokenLogprob> top) implements GenerationEvent {}

    /** @param cachedTokens prompt tokens taken from the prefix cache instead of computed */
    record Finished(FinishReason reason, int promptTokens, int completionTokens, int cachedTokens)
            implements GenerationEvent {}

    record Failed(RequestException error) implements GenerationEvent {}

    /** @param logprob natural logarithm */
    record TokenLogprob(int id, float logprob) {}
}
