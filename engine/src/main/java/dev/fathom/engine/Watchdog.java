package dev.fathom.engine;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Looks from a thread of its own at what the engine thread does. A phase that takes half the timeout is reported, one
 * that takes all of it is given up; each once.
 */
final class Watchdog implements AutoCloseable {
    /** What the engine thread is doing. */
    record Phase(
            long step, String name, long startNanos, int prefillSequences, int prefillTokens, int decodeSequences) {}

    private final Duration timeout;
    private final Consumer<StuckStep> report;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition closing = lock.newCondition();
    private final @Nullable Thread thread;
    private volatile @Nullable Phase phase;
    private boolean closed;

    private Watchdog(Duration timeout, Consumer<StuckStep> report) {
        this.timeout = timeout;
        this.report = report;
        this.thread = timeout.isZero()
                ? null
                : Thread.ofPlatform().name("fathom-watchdog").daemon(true).unstarted(this::watch);
    }

    /**
     * @param timeout  zero for a watchdog that never looks
     * @param report   called on the watchdog's thread
     */
    static Watchdog start(Duration timeout, Consumer<StuckStep> report) {
        Watchdog watchdog = new Watchdog(timeout, report);
        if (watchdog.thread != null) {
            watchdog.thread.start();
        }
        return watchdog;
    }

    /** @param batch  what the step computes, null while that is being decided */
    void enter(long step, String name, @Nullable Batch batch) {
        phase = new Phase(
                step,
                name,
                System.nanoTime(),
                batch == null ? 0 : batch.prefillSequences(),
                batch == null ? 0 : batch.prefillTokens(),
                batch == null ? 0 : batch.decodeSequences());
    }

    void leave() {
        phase = null;
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            closing.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void watch() {
        long limit = TimeUnit.NANOSECONDS.convert(timeout);
        long pause = Math.clamp(limit / 8, TimeUnit.MILLISECONDS.toNanos(1), TimeUnit.SECONDS.toNanos(1));
        @Nullable Phase reported = null;
        while (pause(pause)) {
            Phase now = phase;
            if (now == null) {
                continue;
            }
            long running = System.nanoTime() - now.startNanos();
            if (running >= limit) {
                report.accept(stuck(now, running, true));
                return;
            }
            if (running >= limit / 2 && !now.equals(reported)) {
                reported = now;
                report.accept(stuck(now, running, false));
            }
        }
    }

    private StuckStep stuck(Phase now, long runningNanos, boolean gaveUp) {
        return new StuckStep(
                now.step(),
                now.name(),
                Duration.ofNanos(runningNanos),
                timeout,
                now.prefillSequences(),
                now.prefillTokens(),
                now.decodeSequences(),
                gaveUp);
    }

    /** Returns false once this is closed. */
    private boolean pause(long nanos) {
        lock.lock();
        try {
            long left = nanos;
            while (!closed && left > 0) {
                left = closing.awaitNanos(left);
            }
            return !closed;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            lock.unlock();
        }
    }
}
