package dev.fathom.engine;

import dev.fathom.kernels.KvFormat;
import java.time.Duration;
import java.util.Set;
import java.util.function.Consumer;

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
 * @param admission           when waiting requests are let in
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
        Admission admission,
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
                Admission.DEFAULT,
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
        return with(fields -> fields.maxRunningRequests = value);
    }

    public EngineConfig withMaxQueuedRequests(int value) {
        return with(fields -> fields.maxQueuedRequests = value);
    }

    public EngineConfig withChunkedPrefillSize(int value) {
        return with(fields -> fields.chunkedPrefillSize = value);
    }

    public EngineConfig withMaxPrefillTokens(int value) {
        return with(fields -> fields.maxPrefillTokens = value);
    }

    public EngineConfig withPageSize(int value) {
        return with(fields -> fields.pageSize = value);
    }

    public EngineConfig withMaxTotalTokens(int value) {
        return with(fields -> fields.maxTotalTokens = value);
    }

    public EngineConfig withPolicy(SchedulePolicy value) {
        return with(fields -> fields.policy = value);
    }

    public EngineConfig withAdmission(Admission value) {
        return with(fields -> fields.admission = value);
    }

    public EngineConfig withPriorityScheduling(boolean value) {
        return with(fields -> fields.priorityScheduling = value);
    }

    public EngineConfig withAllowAutoTruncate(boolean value) {
        return with(fields -> fields.allowAutoTruncate = value);
    }

    public EngineConfig withRadixCache(boolean value) {
        return with(fields -> fields.radixCache = value);
    }

    public EngineConfig withKvFormat(KvFormat value) {
        return with(fields -> fields.kvFormat = value);
    }

    public EngineConfig withWatchdogTimeout(Duration value) {
        return with(fields -> fields.watchdogTimeout = value);
    }

    public EngineConfig withRandomSeed(long value) {
        return with(fields -> fields.randomSeed = value);
    }

    public EngineConfig withEndTokenIds(Set<Integer> value) {
        return with(fields -> fields.endTokenIds = value);
    }

    public EngineConfig withDecodeLogInterval(int value) {
        return with(fields -> fields.decodeLogInterval = value);
    }

    private EngineConfig with(Consumer<Fields> change) {
        Fields fields = new Fields(this);
        change.accept(fields);
        return fields.config();
    }

    /** The components, to change one of them. */
    private static final class Fields {
        private int maxRunningRequests;
        private int maxQueuedRequests;
        private int chunkedPrefillSize;
        private int maxPrefillTokens;
        private int pageSize;
        private int maxTotalTokens;
        private SchedulePolicy policy;
        private Admission admission;
        private boolean priorityScheduling;
        private boolean allowAutoTruncate;
        private boolean radixCache;
        private KvFormat kvFormat;
        private Duration watchdogTimeout;
        private long randomSeed;
        private Set<Integer> endTokenIds;
        private int decodeLogInterval;

        Fields(EngineConfig config) {
            maxRunningRequests = config.maxRunningRequests;
            maxQueuedRequests = config.maxQueuedRequests;
            chunkedPrefillSize = config.chunkedPrefillSize;
            maxPrefillTokens = config.maxPrefillTokens;
            pageSize = config.pageSize;
            maxTotalTokens = config.maxTotalTokens;
            policy = config.policy;
            admission = config.admission;
            priorityScheduling = config.priorityScheduling;
            allowAutoTruncate = config.allowAutoTruncate;
            radixCache = config.radixCache;
            kvFormat = config.kvFormat;
            watchdogTimeout = config.watchdogTimeout;
            randomSeed = config.randomSeed;
            endTokenIds = config.endTokenIds;
            decodeLogInterval = config.decodeLogInterval;
        }

        EngineConfig config() {
            return new EngineConfig(
                    maxRunningRequests,
                    maxQueuedRequests,
                    chunkedPrefillSize,
                    maxPrefillTokens,
                    pageSize,
                    maxTotalTokens,
                    policy,
                    admission,
                    priorityScheduling,
                    allowAutoTruncate,
                    radixCache,
                    kvFormat,
                    watchdogTimeout,
                    randomSeed,
                    endTokenIds,
                    decodeLogInterval);
        }
    }

    private static void atLeast(int least, String name, int value) {
        if (value < least) {
            throw new IllegalArgumentException(name + " must be at least " + least + ", got " + value);
        }
    }
}
