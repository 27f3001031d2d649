package dev.fathom.engine;

import dev.fathom.kernels.KvFormat;
import java.time.Duration;
import java.util.Set;

/**
 * How an engine schedules and what it keeps in memory.
 *
 * @param maxRunningRequests  most sequences of one step
 * @param maxQueuedRequests   most waiting requests; 0 means {@value #QUEUE_LIMIT}
 * @param chunkedPrefillSize  most prompt tokens of one step; 0 or less computes every prompt in one piece
 * @param maxPrefillTokens    most prompt tokens admitted to one step; a single longer prompt is admitted alone where
 *                            prompts are not chunked
 * @param pageSize            cache slots that are handed out together (tokens)
 * @param maxTotalTokens      cache slots, rounded down to whole pages (tokens)
 * @param policy              order of admission
 * @param priorityScheduling  whether a larger {@code priority} is admitted first and retracted last
 * @param allowAutoTruncate   whether a prompt that is too long is cut at its end and {@code max_new_tokens} lowered,
 *                            instead of refusing the request
 * @param radixCache          whether computed prefixes are reused
 * @param kvFormat            how the cache stores numbers
 * @param watchdogTimeout     a step that takes longer fails all requests; zero turns the watchdog off
 * @param randomSeed          what requests without a seed draw from
 * @param endTokenIds         the model's end-of-sequence ids
 * @param decodeLogInterval   decode steps between two calls of {@link EngineListener#decode}
 */
public record EngineConfig(
        int maxRunningRequests,
        int maxQueuedRequests,
        int chunkedPrefillSize,
        int maxPrefillTokens,
        int pageSize,
        int maxTotalTokens,
        SchedulePolicy policy,
        boolean priorityScheduling,
        boolean allowAutoTruncate,
        boolean radixCache,
        KvFormat kvFormat,
        Duration watchdogTimeout,
        long randomSeed,
        Set<Integer> endTokenIds,
        int decodeLogInterval) {

    /** The queue is bounded even where no bound was asked for. */
    public static final int QUEUE_LIMIT = 65_536;

    public EngineConfig {
        atLeast(1, "maxRunningRequests", maxRunningRequests);
        atLeast(0, "maxQueuedRequests", maxQueuedRequests);
        atLeast(1, "maxPrefillTokens", maxPrefillTokens);
        atLeast(1, "pageSize", pageSize);
        atLeast(pageSize, "maxTotalTokens", maxTotalTokens);
        atLeast(1, "decodeLogInterval", decodeLogInterval);
        if (chunkedPrefillSize > 0 && Math.min(chunkedPrefillSize, maxPrefillTokens) < pageSize) {
            throw new IllegalArgumentException("a chunk must hold at least one page of " + pageSize
                    + " tokens, but chunkedPrefillSize is " + chunkedPrefillSize + " and maxPrefillTokens "
                    + maxPrefillTokens);
        }
        if (watchdogTimeout.isNegative()) {
            throw new IllegalArgumentException("watchdogTimeout must not be negative, got " + watchdogTimeout);
        }
        endTokenIds = Set.copyOf(endTokenIds);
    }

    /** SGLang's defaults where it has fixed ones; the chunk is smaller because a processor is slower than a GPU. */
    public static EngineConfig defaults(int maxTotalTokens, Set<Integer> endTokenIds) {
        return new EngineConfig(
                256,
                0,
                2048,
                16_384,
                1,
                maxTotalTokens,
                SchedulePolicy.FCFS,
                false,
                false,
                true,
                KvFormat.BF16,
                Duration.ofMinutes(5),
                0,
                endTokenIds,
                40);
    }

    /** Cache slots in whole pages (tokens). */
    public int capacity() {
        return maxTotalTokens - maxTotalTokens % pageSize;
    }

    /** Most requests that may wait. */
    public int queueLimit() {
        return maxQueuedRequests == 0 ? QUEUE_LIMIT : Math.min(maxQueuedRequests, QUEUE_LIMIT);
    }

    public boolean chunksPrompts() {
        return chunkedPrefillSize > 0;
    }

    /** Prompt tokens of one step. */
    public int prefillBudget() {
        return chunksPrompts() ? Math.min(chunkedPrefillSize, maxPrefillTokens) : maxPrefillTokens;
    }

    public EngineConfig withMaxRunningRequests(int value) {
        return new EngineConfig(
                value,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withMaxQueuedRequests(int value) {
        return new EngineConfig(
                maxRunningRequests,
                value,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withChunkedPrefillSize(int value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                value,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withMaxPrefillTokens(int value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                value,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withPageSize(int value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                value,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withMaxTotalTokens(int value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                value,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withPolicy(SchedulePolicy value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                value,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withPriorityScheduling(boolean value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                value,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withAllowAutoTruncate(boolean value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                value,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withRadixCache(boolean value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                value,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withKvFormat(KvFormat value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                value,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withWatchdogTimeout(Duration value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                value,
                randomSeed,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withRandomSeed(long value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                value,
                endTokenIds,
                decodeLogInterval);
    }

    public EngineConfig withEndTokenIds(Set<Integer> value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                value,
                decodeLogInterval);
    }

    public EngineConfig withDecodeLogInterval(int value) {
        return new EngineConfig(
                maxRunningRequests,
                maxQueuedRequests,
                chunkedPrefillSize,
                maxPrefillTokens,
                pageSize,
                maxTotalTokens,
                policy,
                priorityScheduling,
                allowAutoTruncate,
                radixCache,
                kvFormat,
                watchdogTimeout,
                randomSeed,
                endTokenIds,
                value);
    }

    private static void atLeast(int least, String name, int value) {
        if (value < least) {
            throw new IllegalArgumentException(name + " must be at least " + least + ", got " + value);
        }
    }
}
