package dev.fathom.engine;

import static dev.fathom.engine.Engines.config;
import static dev.fathom.engine.Engines.descending;
import static dev.fathom.engine.Engines.ids;
import static dev.fathom.engine.Engines.refused;
import static dev.fathom.engine.Engines.request;
import static dev.fathom.engine.Engines.start;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.api.EngineStats;
import dev.fathom.api.ErrorCode;
import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.comm.Communicator;
import dev.fathom.engine.Answers.Answer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Queue, aborts, failures, flush, drain and close. */
@Timeout(60)
class EngineLifecycleTest {
    @Test
    void refusesADuplicateIdUntilTheFirstHasEnded() throws Exception {
        Semaphore steps = new Semaphore(0);
        try (Engine engine = start(config(1000), step -> steps.acquireUninterruptibly())) {
            GenerationStream first = engine.submit(request("same", ids(3), 2));
            assertThatThrownBy(() -> engine.submit(request("same", ids(3), 2)))
                    .isInstanceOfSatisfying(RequestException.class, e -> {
                        assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST);
                        assertThat(e).hasMessageContaining("same");
                    });
            steps.release(1000);
            Answers.take(first);
            assertThat(Answers.take(engine.submit(request("same", ids(3), 2))).tokens())
                    .hasSize(2);
        }
    }

    @Test
    void countsTheQueueExactlyUnderContention() throws Exception {
        Semaphore steps = new Semaphore(0);
        CountDownLatch inFirstStep = new CountDownLatch(1);
        EngineConfig config = config(1000).withMaxQueuedRequests(5).withMaxRunningRequests(1);
        try (Engine engine = start(config, step -> {
                    inFirstStep.countDown();
                    steps.acquireUninterruptibly();
                });
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            GenerationStream first = engine.submit(request("first", ids(3), 1));
            assertThat(inFirstStep.await(30, TimeUnit.SECONDS)).isTrue();
            ConcurrentLinkedQueue<GenerationStream> accepted = new ConcurrentLinkedQueue<>();
            AtomicInteger full = new AtomicInteger();
            List<Future<?>> done = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                String id = "r" + i;
                done.add(clients.submit(() -> {
                    try {
                        accepted.add(engine.submit(request(id, ids(3), 1)));
                    } catch (RequestException e) {
                        assertThat(e.code()).isEqualTo(ErrorCode.QUEUE_FULL);
                        assertThat(e).hasMessage("The request queue is full.");
                        full.incrementAndGet();
                    }
                }));
            }
            for (Future<?> future : done) {
                future.get();
            }
            assertThat(accepted).hasSize(5);
            assertThat(full).hasValue(45);
            steps.release(1000);
            Answers.take(first);
            for (GenerationStream stream : accepted) {
                assertThat(Answers.take(stream).tokens()).hasSize(1);
            }
            assertThat(Answers.take(engine.submit(request("after", ids(3), 1))).tokens())
                    .hasSize(1);
        }
    }

    @Test
    void abortsWaitingRunningAndHalfPrefilledRequestsBeforeTheNextStep() throws Exception {
        Semaphore steps = new Semaphore(0);
        ConcurrentLinkedQueue<Integer> rows = new ConcurrentLinkedQueue<>();
        EngineConfig config = config(1000).withMaxRunningRequests(2).withChunkedPrefillSize(16);
        try (Engine engine = start(config, step -> {
            steps.acquireUninterruptibly();
            rows.add(step.tokenIds().length);
        })) {
            GenerationStream running = engine.submit(request("running", ids(4), 100));
            steps.release(1);
            assertThat(running.take()).isInstanceOf(GenerationEvent.Token.class);
            GenerationStream prefilling = engine.submit(request("prefilling", descending(100), 1));
            GenerationStream waiting = engine.submit(request("waiting", ids(5), 1));
            steps.release(3);
            awaitSteps(rows, 4);
            engine.abort("prefilling");
            engine.abort("waiting");
            running.abort();
            engine.abort("unknown");
            // The step that is blocked now was planned before the aborts.
            steps.release(1);
            for (GenerationStream stream : List.of(prefilling, waiting, running)) {
                assertThat(Answers.take(stream).reason()).isInstanceOf(FinishReason.Aborted.class);
            }
            assertThat(rows).hasSize(5);
            EngineStats stats = engine.stats();
            assertThat(stats.abortedRequests()).isEqualTo(3);
            assertThat(stats.runningRequests() + stats.queuedRequests()).isZero();
            assertThat(stats.kvUsedTokens())
                    .isEqualTo(stats.kvEvictableTokens())
                    .isGreaterThan(40);
            steps.release(1000);
            GenerationStream again = engine.submit(request("prefilling", descending(100), 1));
            assertThat(Answers.take(again).tokens())
                    .isEqualTo(Answers.alone(descending(100), SamplingParams.greedy(1), 1, Set.of())
                            .tokens());
        }
    }

    @Test
    void abortsEverythingAtOnce() throws Exception {
        Semaphore steps = new Semaphore(0);
        try (Engine engine = start(config(1000).withMaxRunningRequests(2), step -> steps.acquireUninterruptibly())) {
            List<GenerationStream> streams = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                streams.add(engine.submit(request("r" + i, ids(4), 50)));
            }
            assertThat(engine.abortAll()).isEqualTo(6);
            steps.release(2);
            for (GenerationStream stream : streams) {
                assertThat(Answers.take(stream).reason()).isInstanceOf(FinishReason.Aborted.class);
            }
            assertThat(engine.abortAll()).isZero();
        }
    }

    @Test
    void ignoresAnAbortThatComesAfterTheEnd() throws Exception {
        Semaphore steps = new Semaphore(100);
        try (Engine engine = start(config(1000), step -> steps.acquireUninterruptibly())) {
            GenerationStream old = engine.submit(request("id", ids(4), 1));
            Answers.take(old);
            GenerationStream next = engine.submit(request("id", ids(4), 3));
            old.abort();
            assertThat(Answers.take(next).reason()).isEqualTo(new FinishReason.Length(3));
        }
    }

    @Test
    void goesOnAfterTheModelFailed() throws Exception {
        EngineConfig config = config(1000).withChunkedPrefillSize(8);
        try (Engine engine = start(config, step -> {
            if (Arrays.stream(step.tokenIds()).anyMatch(id -> id == 63)) {
                throw new IllegalStateException("planted");
            }
        })) {
            int[] bad = ids(12);
            bad[11] = 63;
            Answer failed = Answers.take(engine.submit(request("bad", bad, 4)));
            assertThat(failed.last()).isInstanceOfSatisfying(GenerationEvent.Failed.class, event -> {
                assertThat(event.error().code()).isEqualTo(ErrorCode.INTERNAL);
                assertThat(event.error()).hasMessageContaining("planted");
                assertThat(event.error().getCause()).isInstanceOf(IllegalStateException.class);
            });
            assertThat(engine.healthy()).isTrue();
            assertThat(engine.stats().kvUsedTokens())
                    .as("only the chunk that went well")
                    .isEqualTo(8);
            Answer next = Answers.take(engine.submit(request("good", ids(12), 1)));
            assertThat(next.tokens())
                    .isEqualTo(Answers.alone(ids(12), SamplingParams.greedy(1), 1, Set.of())
                            .tokens());
        }
    }

    @Test
    void failsARequestWhoseLogitsAreNotFiniteAndNoOther() throws Exception {
        NanLm model = new NanLm(63);
        try (Engine engine =
                Engine.start(model, new NoKernels(), Communicator.single(), config(1000), EngineListener.none())) {
            GenerationStream good = engine.submit(request("good", ids(5), 30));
            Answer bad = Answers.take(engine.submit(request("bad", new int[] {1, 63}, 4)));
            assertThat(bad.last()).isInstanceOfSatisfying(GenerationEvent.Failed.class, event -> {
                assertThat(event.error().code()).isEqualTo(ErrorCode.INTERNAL);
                assertThat(event.error()).hasMessageContaining("NaN");
            });
            assertThat(Answers.take(good).tokens()).hasSize(30);
            assertThat(engine.stats().kvUsedTokens()).isEqualTo(engine.stats().kvEvictableTokens());
        }
    }

    @Test
    void flushesOnlyWhenNothingRuns() throws Exception {
        Semaphore steps = new Semaphore(0);
        try (Engine engine = start(config(1000), step -> steps.acquireUninterruptibly())) {
            GenerationStream stream = engine.submit(request("a", ids(9), 2));
            assertThat(engine.flushCache()).isFalse();
            steps.release(100);
            Answers.take(stream);
            assertThat(engine.stats().kvUsedTokens()).isEqualTo(10);
            assertThat(engine.flushCache()).isTrue();
            assertThat(engine.stats().kvUsedTokens()).isZero();
            assertThat(engine.stats().kvAvailableTokens()).isEqualTo(1000);
            assertThat(engine.stats().evictedTokens()).isZero();
            GenerationEvent.Finished last = (GenerationEvent.Finished)
                    Answers.take(engine.submit(request("b", ids(9), 2))).last();
            assertThat(last.cachedTokens()).isZero();
        }
    }

    @Test
    void failsOpenRequestsWhenItIsClosed() throws Exception {
        Semaphore steps = new Semaphore(0);
        CountDownLatch inStep = new CountDownLatch(1);
        Engine engine = start(config(1000).withMaxRunningRequests(1), step -> {
            inStep.countDown();
            steps.acquireUninterruptibly();
        });
        GenerationStream running = engine.submit(request("running", ids(3), 9));
        GenerationStream waiting = engine.submit(request("waiting", ids(3), 9));
        assertThat(inStep.await(30, TimeUnit.SECONDS)).isTrue();
        CompletableFuture<Void> closed = CompletableFuture.runAsync(engine::close);
        for (GenerationStream stream : List.of(running, waiting)) {
            assertThat(Answers.take(stream).last())
                    .isInstanceOfSatisfying(
                            GenerationEvent.Failed.class,
                            event -> assertThat(event.error().code()).isEqualTo(ErrorCode.UNAVAILABLE));
        }
        steps.release(100);
        closed.get(30, TimeUnit.SECONDS);
        assertThat(engine.healthy()).isFalse();
        assertThat(engine.flushCache()).isFalse();
        refused(engine, request("late", ids(3), 1), ErrorCode.UNAVAILABLE, "shutting down");
        engine.close();
    }

    @Test
    void drainsWhatRunsAndTakesNothingNew() throws Exception {
        Semaphore steps = new Semaphore(0);
        try (Engine engine = start(config(1000), step -> steps.acquireUninterruptibly())) {
            GenerationStream stream = engine.submit(request("a", ids(3), 3));
            assertThat(engine.drain(Duration.ofMillis(1))).isFalse();
            refused(engine, request("b", ids(3), 1), ErrorCode.UNAVAILABLE, "shutting down");
            steps.release(100);
            assertThat(engine.drain(Duration.ofSeconds(30))).isTrue();
            assertThat(Answers.take(stream).tokens()).hasSize(3);
            assertThat(engine.healthy()).isTrue();
        }
    }

    @Test
    void reportsAStuckStepAndThenFailsWhatIsOpen() throws Exception {
        CountDownLatch hang = new CountDownLatch(1);
        ConcurrentLinkedQueue<StuckStep> reports = new ConcurrentLinkedQueue<>();
        EngineListener listener = new EngineListener() {
            @Override
            public void stuck(StuckStep step) {
                reports.add(step);
            }
        };
        EngineConfig config =
                config(1000).withWatchdogTimeout(Duration.ofMillis(200)).withMaxRunningRequests(1);
        Engine engine = start(config, listener, step -> awaitUninterruptibly(hang));
        GenerationStream running = engine.submit(request("running", ids(7), 2));
        GenerationStream waiting = engine.submit(request("waiting", ids(7), 2));
        for (GenerationStream stream : List.of(running, waiting)) {
            assertThat(Answers.take(stream).last()).isInstanceOfSatisfying(GenerationEvent.Failed.class, event -> {
                assertThat(event.error().code()).isEqualTo(ErrorCode.INTERNAL);
                assertThat(event.error()).hasMessageContaining("Step 1 has been in forward");
            });
        }
        assertThat(engine.healthy()).isFalse();
        refused(engine, request("late", ids(3), 1), ErrorCode.UNAVAILABLE, "stuck");
        engine.close();
        hang.countDown();
        assertThat(reports).isNotEmpty().allSatisfy(step -> {
            assertThat(step.phase()).isEqualTo("forward");
            assertThat(step.prefillTokens()).isEqualTo(7);
        });
        assertThat(reports.peek().gaveUp()).isFalse();
    }

    @Test
    void failsOpenRequestsWhenAnErrorEndsItsThread() throws Exception {
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        CompletableFuture<Throwable> seen = new CompletableFuture<>();
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> seen.complete(error));
        try (Engine engine = start(config(1000), step -> {
            throw new StackOverflowError("planted");
        })) {
            Answer answer = Answers.take(engine.submit(request("a", ids(3), 1)));
            assertThat(answer.last()).isInstanceOf(GenerationEvent.Failed.class);
            assertThat(seen.get(30, TimeUnit.SECONDS)).hasMessage("planted");
            assertThat(engine.healthy()).isFalse();
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }

    private static void awaitSteps(ConcurrentLinkedQueue<Integer> rows, int wanted) throws InterruptedException {
        long deadline = System.nanoTime() + Answers.PATIENCE.toNanos();
        while (rows.size() < wanted && System.nanoTime() < deadline) {
            Thread.sleep(1);
        }
        assertThat(rows).hasSize(wanted);
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
