package dev.fathom.engine;

/**
 * A step that computes prompt tokens.
 *
 * @param newSequences     requests admitted to this step
 * @param newTokens        prompt tokens it computes
 * @param cachedTokens     tokens of the admitted requests that were found in the prefix cache
 * @param tokenUsage       share of the cache slots that running requests hold, in [0, 1]
 * @param runningRequests  requests that were running before
 * @param queuedRequests   requests that go on waiting
 */
public record PrefillStats(
        int newSequences,
        int newTokens,
        int cachedTokens,
        double tokenUsage,
        int runningRequests,
        int queuedRequests) {}
