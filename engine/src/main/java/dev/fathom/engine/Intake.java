package dev.fathom.engine;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Where requesters and the engine thread meet: new requests, aborts and flushes go in, ends come out. It knows every open
 * request, and a request leaves that set exactly once, with its last event. All methods may be called by any thread.
 */
final class Intake {
    private enum State {
        OPEN,
        DRAINING,
        CLOSED
    }

    /**
     * What happened since the engine thread last looked.
     *
     * @param paused whether no step is to be computed now
     */
    record Work(
            boolean paused,
            List<Submission> arrivals,
            List<Submission> aborts,
            List<CompletableFuture<Boolean>> flushes) {}

    private final int queueLimit;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition work = lock.newCondition();
    private final Condition noneOpen = lock.newCondition();
    private final Map<String, Submission> open = new HashMap<>();
    private final ArrayDeque<Submission> arrivals = new ArrayDeque<>();
    private final Set<Submission> aborts = new LinkedHashSet<>();
    private final List<CompletableFuture<Boolean>> flushes = new ArrayList<>();
    private State state = State.OPEN;
    private boolean paused;
    /** Why nothing is taken any more. */
    private @Nullable RequestException closedBecause;

    /** Requests the engine thread has taken from here and not started. */
    private int waiting;

    Intake(int queueLimit) {
        this.queueLimit = queueLimit;
    }

    /**
     * Takes a request in.
     *
     * @throws RequestException UNAVAILABLE, QUEUE_FULL, or INVALID_REQUEST if the id is in use
     */
    GenerationStream submit(GenerationRequest request, int maxNewTokens) {
        lock.lock();
        try {
            if (closedBecause != null) {
                throw closedBecause;
            }
            if (state == State.DRAINING) {
                throw unavailable("The server is shutting down and takes no new requests.");
            }
            if (open.containsKey(request.id())) {
                throw RequestException.invalid(
                        "rid", "A request with the id " + request.id() + " is running already; choose another id.");
            }
            if (arrivals.size() + waiting >= queueLimit) {
                throw RequestException.queueFull();
            }
            EventStream stream = new EventStream(request.id(), maxNewTokens, this::abort);
            Submission submission = new Submission(request, maxNewTokens, System.nanoTime(), stream);
            open.put(request.id(), submission);
            arrivals.add(submission);
            work.signal();
            return stream;
        } finally {
            lock.unlock();
        }
    }

    void abort(String id) {
        lock.lock();
        try {
            Submission submission = open.get(id);
            if (submission != null) {
                aborts.add(submission);
                work.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Aborts the request of this stream, not a later one that has taken over its id. */
    private void abort(EventStream stream) {
        lock.lock();
        try {
            Submission submission = open.get(stream.id());
            if (submission != null && submission.stream() == stream) {
                aborts.add(submission);
                work.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    int abortAll() {
        lock.lock();
        try {
            aborts.addAll(open.values());
            work.signal();
            return open.size();
        } finally {
            lock.unlock();
        }
    }

    /** Asks for the cache to be cleared; false if a request is open then. */
    CompletableFuture<Boolean> flush() {
        CompletableFuture<Boolean> flushed = new CompletableFuture<>();
        lock.lock();
        try {
            if (state == State.CLOSED || !open.isEmpty()) {
                flushed.complete(false);
            } else {
                flushes.add(flushed);
                work.signal();
            }
        } finally {
            lock.unlock();
        }
        return flushed;
    }

    /**
     * What the engine thread has to know before its next step.
     *
     * @param idle  whether to wait until there is something
     * @return null once this is closed
     */
    @Nullable
    Work next(boolean idle) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while ((idle || paused)
                    && state != State.CLOSED
                    && arrivals.isEmpty()
                    && aborts.isEmpty()
                    && flushes.isEmpty()) {
                work.await();
            }
            if (state == State.CLOSED) {
                return null;
            }
            Work next = new Work(paused, List.copyOf(arrivals), List.copyOf(aborts), List.copyOf(flushes));
            waiting += arrivals.size();
            arrivals.clear();
            aborts.clear();
            flushes.clear();
            return next;
        } finally {
            lock.unlock();
        }
    }

    /** From now on no step begins, until it is called with false, or everything has to end. */
    void pause(boolean pause) {
        lock.lock();
        try {
            paused = pause && state == State.OPEN;
            work.signal();
        } finally {
            lock.unlock();
        }
    }

    boolean isPaused() {
        lock.lock();
        try {
            return paused;
        } finally {
            lock.unlock();
        }
    }

    /** The engine thread says how many requests it keeps waiting. */
    void waiting(int count) {
        lock.lock();
        try {
            waiting = count;
        } finally {
            lock.unlock();
        }
    }

    boolean isClosed() {
        lock.lock();
        try {
            return state == State.CLOSED;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends a request: the only way out of the set of open requests, beside {@link #close}, which ends them all.
     *
     * @param last  Finished or Failed
     */
    void end(Submission submission, GenerationEvent last) {
        lock.lock();
        try {
            if (!open.remove(submission.id(), submission)) {
                return;
            }
            aborts.remove(submission);
            if (open.isEmpty()) {
                noneOpen.signalAll();
            }
        } finally {
            lock.unlock();
        }
        submission.stream().put(last);
    }

    /** Takes no new requests and waits until those there are have ended; false if they had not in time. */
    boolean drain(long timeoutNanos) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            if (state == State.OPEN) {
                state = State.DRAINING;
                paused = false;
                work.signal();
            }
            long left = timeoutNanos;
            while (!open.isEmpty()) {
                if (left <= 0) {
                    return false;
                }
                left = noneOpen.awaitNanos(left);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Fails every open request and takes no more; the first call's reason stays. */
    void close(RequestException toOpen, RequestException toNew) {
        Collection<Submission> ended;
        List<CompletableFuture<Boolean>> unflushed;
        lock.lock();
        try {
            if (state == State.CLOSED) {
                return;
            }
            state = State.CLOSED;
            closedBecause = toNew;
            ended = List.copyOf(open.values());
            unflushed = List.copyOf(flushes);
            open.clear();
            arrivals.clear();
            aborts.clear();
            flushes.clear();
            work.signalAll();
            noneOpen.signalAll();
        } finally {
            lock.unlock();
        }
        ended.forEach(submission -> submission.stream().put(new GenerationEvent.Failed(toOpen)));
        unflushed.forEach(flushed -> flushed.complete(false));
    }

    static RequestException unavailable(String message) {
        return new RequestException(ErrorCode.UNAVAILABLE, message);
    }

    static RequestException internal(String message) {
        return new RequestException(ErrorCode.INTERNAL, message);
    }
}
