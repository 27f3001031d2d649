package dev.fathom.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/** Sends a plan's requests at their times and measures the answers. */
final class BenchRun {
    private final ServerClient client;
    private final BenchBackend backend;
    private final String model;
    private final boolean ignoreEos;

    BenchRun(ServerClient client, BenchBackend backend, String model, boolean ignoreEos) {
        this.client = client;
        this.backend = backend;
        this.model = model;
        this.ignoreEos = ignoreEos;
    }

    /**
     * @param duration  seconds from the first request to the last answer
     * @param results   in the order of the plan
     */
    record Outcome(double duration, List<BenchResult> results) {}

    /**
     * @param maxConcurrency  requests under way at a time; a request waits here, outside its latency, as bench_serving has it
     * @param done            told the number of finished requests, from any thread
     */
    Outcome run(BenchPlan plan, int maxConcurrency, IntConsumer done) throws InterruptedException {
        Semaphore slots = new Semaphore(maxConcurrency);
        AtomicInteger finished = new AtomicInteger();
        List<Future<BenchResult>> pending = new ArrayList<>();
        List<BenchResult> results = new ArrayList<>();
        long began = System.nanoTime();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (BenchPlan.Item item : plan.items()) {
                TimeUnit.NANOSECONDS.sleep(item.startNanos() - (System.nanoTime() - began));
                pending.add(threads.submit(() -> {
                    slots.acquire();
                    try {
                        return one(item);
                    } finally {
                        slots.release();
                        done.accept(finished.incrementAndGet());
                    }
                }));
            }
            for (Future<BenchResult> result : pending) {
                results.add(result.get());
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("a request of the benchmark ended in a defect", e.getCause());
        }
        return new Outcome((System.nanoTime() - began) / 1e9, results);
    }

    private BenchResult one(BenchPlan.Item item) throws InterruptedException {
        TokenClock clock = new TokenClock(System.nanoTime());
        try {
            client.stream(
                    backend.path(),
                    backend.body(item, model, ignoreEos),
                    new Cancellation(),
                    event -> clock.chunk(System.nanoTime(), backend.tokens(event, clock.tokens())));
        } catch (CliException e) {
            return BenchResult.failed(item.promptIds().length, String.valueOf(e.getMessage()));
        }
        return clock.result(item.promptIds().length, System.nanoTime());
    }
}
