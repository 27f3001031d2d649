package dev.fathom.engine;

import dev.fathom.api.EngineStats;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.comm.Communicator;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.model.CausalLm;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Generates tokens for many requests at once. One thread, {@code fathom-engine}, schedules sequences into batches, runs
 * the model and samples; all methods here may be called by any thread. Every request that {@link #submit} accepted gets
 * exactly one Finished or Failed event.
 */
public final class Engine implements AutoCloseable {
    private static final Duration LOOK_AGAIN = Duration.ofMillis(200);

    private final EngineConfig config;
    private final RequestLimits limits;
    private final Intake intake;
    private final EngineLoop loop;
    private final Thread thread;
    private final AtomicBoolean gaveUp;

    private Engine(
            EngineConfig config,
            RequestLimits limits,
            Intake intake,
            EngineLoop loop,
            Thread thread,
            AtomicBoolean gaveUp) {
        this.config = config;
        this.limits = limits;
        this.intake = intake;
        this.loop = loop;
        this.thread = thread;
        this.gaveUp = gaveUp;
    }

    /**
     * Allocates the cache and starts the engine thread.
     *
     * @param model     used by the engine thread alone from now on; it, {@code kernels} and {@code comm} are the
     *                  caller's to close, after the engine
     * @param listener  see {@link EngineListener} for the threads it is called from
     */
    public static Engine start(
            CausalLm model, KernelBackend kernels, Communicator comm, EngineConfig config, EngineListener listener) {
        Intake intake = new Intake(config.queueLimit());
        AtomicBoolean gaveUp = new AtomicBoolean();
        ModelRunner runner = ModelRunner.open(model, kernels, comm, config.kvFormat(), config.capacity());
        Watchdog watchdog = Watchdog.start(config.watchdogTimeout(), step -> stuck(step, intake, gaveUp, listener));
        EngineLoop loop = new EngineLoop(config, model.vocabularySize(), runner, intake, watchdog, listener);
        RequestLimits limits = new RequestLimits(
                model.contextLength(), config.capacity(), model.vocabularySize(), config.allowAutoTruncate());
        Thread thread = Thread.ofPlatform().name("fathom-engine").daemon(true).start(loop);
        return new Engine(config, limits, intake, loop, thread, gaveUp);
    }

    private static void stuck(StuckStep step, Intake intake, AtomicBoolean gaveUp, EngineListener listener) {
        if (step.gaveUp()) {
            gaveUp.set(true);
            intake.close(
                    Intake.internal(step.describe()),
                    Intake.unavailable("The engine is stuck and takes no requests: " + step.describe()));
        }
        listener.stuck(step);
    }

    /**
     * Puts a request into the queue.
     *
     * <p>Where the cache is smaller than the context, a request generates at most as many tokens as fit it, and then
     * finishes for its length.
     *
     * @return its events; they must be taken by one consumer
     * @throws RequestException  INVALID_REQUEST for an id in use or a token id outside the vocabulary; PROMPT_TOO_LONG
     *     if prompt and completion exceed the context or the prompt the cache; QUEUE_FULL; UNAVAILABLE while draining,
     *     after {@link #close}, or when the watchdog gave up
     */
    public GenerationStream submit(GenerationRequest request) {
        GenerationRequest checked = limits.check(request);
        return intake.submit(checked, limits.maxNewTokens(checked));
    }

    /** Ends a request before the next step, waiting, running or half prefilled; unknown ids are none of ours. */
    public void abort(String id) {
        intake.abort(id);
    }

    /** Aborts every open request and says how many there were. */
    public int abortAll() {
        return intake.abortAll();
    }

    /** Forgets all cached prefixes; false, with nothing forgotten, if a request runs or waits. */
    public boolean flushCache() {
        CompletableFuture<Boolean> flushed = intake.flush();
        return flushed.join();
    }

    /**
     * Computes no step until {@link #resume}; the one that runs is finished. Requests are taken, wait, and can be aborted.
     * {@link #drain} and {@link #close} end a pause.
     */
    public void pause() {
        intake.pause(true);
    }

    public void resume() {
        intake.pause(false);
    }

    public boolean isPaused() {
        return intake.isPaused();
    }

    /** The state after the last finished step. */
    public EngineStats stats() {
        return loop.stats();
    }

    public EngineConfig config() {
        return config;
    }

    /** Whether requests are answered: false after {@link #close}, a stuck step or a defect of the engine. */
    public boolean healthy() {
        return !intake.isClosed();
    }

    /**
     * Takes no more requests and waits for those there are.
     *
     * @return whether all of them ended within {@code timeout}
     */
    public boolean drain(Duration timeout) throws InterruptedException {
        return intake.drain(TimeUnit.NANOSECONDS.convert(timeout));
    }

    /**
     * Fails every open request as UNAVAILABLE, then waits for the running step, unless the watchdog has given it up.
     * Afterwards the model may be closed; a step that was given up may still be using it.
     */
    @Override
    public void close() {
        RequestException reason = Intake.unavailable("The server is shutting down.");
        intake.close(reason, reason);
        boolean interrupted = false;
        while (thread.isAlive() && !gaveUp.get() && Thread.currentThread() != thread) {
            try {
                thread.join(LOOK_AGAIN);
            } catch (InterruptedException e) {
                interrupted = true;
                break;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
