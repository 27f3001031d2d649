package dev.fathom.engine;

import dev.fathom.api.EngineStats;
import dev.fathom.cache.PrefixCache;

/** What the engine thread counts. */
final class Counters {
    private long promptTokens;
    private long generatedTokens;
    private long cachedTokens;
    private long finished;
    private long aborted;
    private EngineStats.Retracted retracted = EngineStats.Retracted.NONE;
    private long decodeTokens;
    private long steps;
    private double rate;
    private int decodeSteps;
    private long tokensAtMark;
    private long markNanos;

    /** A request whose prompt was never computed to its end counts for nothing here. */
    void prompt(Sequence sequence) {
        promptTokens += sequence.promptLength();
        cachedTokens += sequence.cachedTokens();
    }

    void token() {
        generatedTokens++;
    }

    void finished() {
        finished++;
    }

    void aborted() {
        aborted++;
    }

    void retracted(Sequence sequence) {
        retracted = retracted.plus(sequence.promptLength(), sequence.generated());
    }

    /** @param tokens  of the sequences that a step decodes */
    void decodes(long tokens) {
        decodeTokens = tokens;
    }

    long step() {
        return ++steps;
    }

    /** From here on the rate is measured: the engine begins to work after it had nothing to do. */
    void startRate(long nowNanos) {
        decodeSteps = 0;
        tokensAtMark = generatedTokens;
        markNanos = nowNanos;
    }

    void idle() {
        decodeTokens = 0;
        rate = 0;
    }

    /** Counts a decode step; true each {@code interval} steps, when the rate is new. */
    boolean decoded(int interval, long nowNanos) {
        if (++decodeSteps < interval) {
            return false;
        }
        rate = (generatedTokens - tokensAtMark) * 1e9 / Math.max(1, nowNanos - markNanos);
        startRate(nowNanos);
        return true;
    }

    double rate() {
        return rate;
    }

    EngineStats stats(Scheduler scheduler, PrefixCache cache) {
        return new EngineStats(
                scheduler.runningCount(),
                scheduler.waitingCount(),
                cache.totalTokens() - cache.freeTokens(),
                cache.evictableTokens(),
                cache.freeTokens(),
                cache.totalTokens(),
                promptTokens,
                generatedTokens,
                cachedTokens,
                cache.evictedTokens(),
                finished,
                aborted,
                retracted,
                steps,
                decodeTokens,
                scheduler.newTokenRatio(),
                rate);
    }
}
