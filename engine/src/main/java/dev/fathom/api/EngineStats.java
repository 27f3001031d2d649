package dev.fathom.api;

/**
 * A consistent snapshot of the engine, taken between two steps. Counters only grow.
 *
 * @param kvUsedTokens       slots held by running requests or by the prefix cache
 * @param kvEvictableTokens  slots held by the prefix cache alone, free for the taking
 * @param kvAvailableTokens  slots nobody holds
 * @param kvTotalTokens      all slots: used + available
 * @param retracted          what went back to the queue when memory ran out
 * @param decodeTokens       tokens of the sequences that the last step decoded, prompts included
 * @param newTokenRatio      share of its remaining tokens that a running request is expected to need slots for
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
        Retracted retracted,
        long steps,
        long decodeTokens,
        double newTokenRatio,
        double generationRate) {

    /**
     * Requests that were retracted, each time one was.
     *
     * @param inputTokens   of their prompts
     * @param outputTokens  that they had generated
     */
    public record Retracted(long requests, long inputTokens, long outputTokens) {
        public static final Retracted NONE = new Retracted(0, 0, 0);

        /** These and another. */
        public Retracted plus(int input, int output) {
            return new Retracted(requests + 1, inputTokens + input, outputTokens + output);
        }
    }

    /** Share of prompt tokens served from the prefix cache since start, in [0, 1]. */
    public double cacheHitRate() {
        return promptTokens == 0 ? 0 : (double) cachedTokens / promptTokens;
    }
}
