package dev.fathom.api;

/**
 * A consistent snapshot of the engine, taken between two steps. Counters only grow.
 *
 * @param kvUsedTokens       slots held by running requests or by the prefix cache
 * @param kvEvictableTokens  slots held by the prefix cache alone, free for the taking
 * @param kvAvailableTokens  slots nobody holds
 * @param kvTotalTokens      all slots: used + available
 * @param generationRate     tokens per second over the last decode interval
 */
public record EngineStats(
        int runningRequests,
        int queuedRequests,
        int kvUsedTokens,
        int kvEvictableTokens,
        int kvAvailableTokens,
        int kvTotalTokens,
        long promptTokens,
        long generatedTokens,
        long cachedTokens,
        long evictedTokens,
        long finishedRequests,
        long abortedRequests,
        long retractedRequests,
        long steps,
        double generationRate) {

    /** Share of prompt tokens served from the prefix cache since start, in [0, 1]. */
    public double cacheHitRate() {
        return promptTokens == 0 ? 0 : (double) cachedTokens / promptTokens;
    }
}
