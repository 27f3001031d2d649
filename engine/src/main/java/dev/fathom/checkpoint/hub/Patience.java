package dev.fathom.checkpoint.hub;

import java.time.Duration;

/** How often something that fails is tried again: with growing pauses, and anew after every progress. */
final class Patience {
    /** A server that asks to wait longer than this is not waited for. */
    private static final Duration LONGEST_ASKED = Duration.ofMinutes(5);

    /**
     * @param attempts  without progress, before it is given up
     * @param first     pause, which doubles
     */
    record Policy(int attempts, Duration first, Duration longest) {
        static final Policy DEFAULT = new Policy(8, Duration.ofMillis(500), Duration.ofSeconds(30));

        Policy withAttempts(int value) {
            return new Policy(value, first, longest);
        }
    }

    private final Policy policy;
    private final DownloadProgress progress;
    private int failures;

    Patience(Policy policy, DownloadProgress progress) {
        this.policy = policy;
        this.progress = progress;
    }

    /** Something worked: failures before it do not count any more. */
    void progressed() {
        failures = 0;
    }

    /**
     * Pauses before the next attempt.
     *
     * @param what  failed, for a person
     * @throws TransientException {@code failure} itself once it is time to give up
     */
    void pause(String what, TransientException failure) throws TransientException, InterruptedException {
        failures++;
        Duration asked = failure.retryAfter().orElse(Duration.ZERO);
        if (failures >= policy.attempts || asked.compareTo(LONGEST_ASKED) > 0) {
            throw failure;
        }
        long doubled = policy.first.toMillis() << Math.min(failures - 1, 20);
        long millis = Math.max(Math.min(doubled, policy.longest.toMillis()), asked.toMillis());
        progress.say("%s: %s; trying again in %s s.".formatted(what, failure.reason(), Math.ceilDiv(millis, 1000L)));
        Thread.sleep(millis);
    }
}
