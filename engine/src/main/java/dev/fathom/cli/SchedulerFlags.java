package dev.fathom.cli;

import dev.fathom.engine.Admission;
import dev.fathom.engine.EngineConfig;
import dev.fathom.engine.SchedulePolicy;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the engine schedules. */
final class SchedulerFlags {
    /** More running sequences gain little on a CPU, and each holds cache. */
    private static final int RUNNING = 64;

    @Option(
            names = "--max-running-requests",
            paramLabel = "N",
            description = "Sequences generated at a time. Default: ${DEFAULT-VALUE}.")
    private int maxRunningRequests = RUNNING;

    @Option(
            names = "--max-queued-requests",
            paramLabel = "N",
            description =
                    "Requests that may wait; more are answered with 503. Default: " + EngineConfig.QUEUE_LIMIT + ".")
    private @Nullable Integer maxQueuedRequests;

    @Option(
            names = "--chunked-prefill-size",
            paramLabel = "TOKENS",
            description = "Most prompt tokens in a step; -1 does not divide prompts. Default: ${DEFAULT-VALUE}.")
    private int chunkedPrefillSize = 2048;

    @Option(
            names = "--max-prefill-tokens",
            paramLabel = "TOKENS",
            description = "Most prompt tokens that are admitted together. Default: ${DEFAULT-VALUE}.")
    private int maxPrefillTokens = 16_384;

    @Option(
            names = "--prefill-max-requests",
            paramLabel = "N",
            description = "Most requests whose prompts share a step. Default: any number.")
    private @Nullable Integer prefillMaxRequests;

    @Option(
            names = "--schedule-conservativeness",
            paramLabel = "FACTOR",
            description =
                    "Scales what is held free for running requests: less lets more in and retracts more. Default: ${DEFAULT-VALUE}.")
    private double conservativeness = 1;

    @Option(names = "--schedule-policy", paramLabel = "NAME", description = "fcfs or lpm. Default: ${DEFAULT-VALUE}.")
    private String policy = "fcfs";

    @Option(names = "--enable-priority-scheduling", description = "Requests with a higher priority are admitted first.")
    private boolean priorities;

    @Option(
            names = "--priority-scheduling-preemption-threshold",
            paramLabel = "N",
            description =
                    "A request whose priority is higher by more than this takes a running one's place. Default: ${DEFAULT-VALUE}.")
    private int preemptionThreshold = 10;

    @Option(names = "--page-size", paramLabel = "TOKENS", description = "Tokens in a page of the cache. Default: 1.")
    private int pageSize = 1;

    @Option(names = "--disable-radix-cache", description = "Do not reuse the cache of common prefixes.")
    private boolean disableRadixCache;

    @Option(
            names = "--allow-auto-truncate",
            description = "Cut prompts that are longer than the context instead of refusing them.")
    private boolean allowAutoTruncate;

    @Option(
            names = "--watchdog-timeout",
            paramLabel = "SECONDS",
            description = "A step that takes longer is reported and fails its requests. Default: ${DEFAULT-VALUE}.")
    private double watchdogTimeout = 300;

    @Option(
            names = "--decode-log-interval",
            paramLabel = "STEPS",
            description = "Decode steps from one line of the log to the next. Default: ${DEFAULT-VALUE}.")
    private int decodeLogInterval = 40;

    /** @throws CliException naming a flag outside its range */
    void check() {
        atLeast(1, "--max-running-requests", maxRunningRequests);
        atLeast(1, "--max-prefill-tokens", maxPrefillTokens);
        atLeast(1, "--page-size", pageSize);
        atLeast(1, "--decode-log-interval", decodeLogInterval);
        if (prefillMaxRequests != null) {
            atLeast(1, "--prefill-max-requests", prefillMaxRequests);
        }
        atLeast(0, "--priority-scheduling-preemption-threshold", preemptionThreshold);
        if (!(conservativeness >= 0 && conservativeness < 1e6)) {
            throw CliException.usage("--schedule-conservativeness must not be negative, got " + conservativeness + ".");
        }
        if (maxQueuedRequests != null) {
            atLeast(1, "--max-queued-requests", maxQueuedRequests);
        }
        if (chunkedPrefillSize == 0 || chunkedPrefillSize < -1) {
            throw CliException.usage("--chunked-prefill-size must be positive, or -1 for whole prompts, got "
                    + chunkedPrefillSize + ".");
        }
        if (chunkedPrefillSize > 0 && Math.min(chunkedPrefillSize, maxPrefillTokens) < pageSize) {
            throw CliException.usage("--chunked-prefill-size and --max-prefill-tokens must hold a page of " + pageSize
                    + " tokens, got " + chunkedPrefillSize + " and " + maxPrefillTokens + ".");
        }
        if (!(watchdogTimeout >= 0 && watchdogTimeout < 1e9)) {
            throw CliException.usage(
                    "--watchdog-timeout must be positive, or 0 for none, got " + watchdogTimeout + ".");
        }
        policy();
    }

    private static void atLeast(int least, String flag, int value) {
        if (value < least) {
            throw CliException.usage(flag + " must be at least " + least + ", got " + value + ".");
        }
    }

    SchedulePolicy policy() {
        return switch (policy) {
            case "fcfs" -> SchedulePolicy.FCFS;
            case "lpm" -> SchedulePolicy.LPM;
            default ->
                throw CliException.usage(
                        "--schedule-policy " + policy + " is not supported in this version: use fcfs or lpm.");
        };
    }

    EngineConfig config(KvBudget budget, ModelFlags model, Set<Integer> endTokenIds) {
        return EngineConfig.defaults(budget.tokens(), endTokenIds)
                .withMaxRunningRequests(maxRunningRequests)
                .withMaxQueuedRequests(maxQueuedRequests == null ? 0 : maxQueuedRequests)
                .withChunkedPrefillSize(chunkedPrefillSize)
                .withMaxPrefillTokens(maxPrefillTokens)
                .withPageSize(pageSize)
                .withPolicy(policy())
                .withAdmission(admission())
                .withPriorityScheduling(priorities)
                .withAllowAutoTruncate(allowAutoTruncate)
                .withRadixCache(!disableRadixCache)
                .withKvFormat(model.kvFormat())
                .withWatchdogTimeout(Duration.ofMillis((long) (watchdogTimeout * 1000)))
                .withRandomSeed(model.randomSeed())
                .withDecodeLogInterval(decodeLogInterval);
    }

    private Admission admission() {
        return new Admission(
                prefillMaxRequests == null ? OptionalInt.empty() : OptionalInt.of(prefillMaxRequests),
                conservativeness,
                OptionalInt.of(preemptionThreshold));
    }

    /** Adds what /get_server_info shows. */
    void describeAdmission(Map<String, @Nullable Object> arguments) {
        arguments.put("prefill_max_requests", prefillMaxRequests);
        arguments.put("schedule_conservativeness", conservativeness);
        arguments.put("priority_scheduling_preemption_threshold", preemptionThreshold);
    }

    int maxRunningRequests() {
        return maxRunningRequests;
    }

    int pageSize() {
        return pageSize;
    }

    boolean priorities() {
        return priorities;
    }
}
