package dev.fathom.http;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for what another thread does, with a bound. */
final class Waiting {
    private static final Duration MOST = Duration.ofSeconds(20);

    private Waiting() {}

    /** Returns how long it took, in nanoseconds. */
    static long until(BooleanSupplier condition) throws InterruptedException {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > MOST.toNanos()) {
                throw new AssertionError("it did not happen within " + MOST);
            }
            Thread.sleep(1);
        }
        return System.nanoTime() - start;
    }
}
