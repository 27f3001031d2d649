package dev.fathom.engine;

import dev.fathom.api.GenerationEvent;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The queue between the engine and one requester. It refuses everything after the first Finished or Failed, whichever
 * thread that came from.
 */
final class EventStream implements GenerationStream {
    private final String id;
    private final Consumer<EventStream> onAbort;
    private final LinkedBlockingQueue<GenerationEvent> events;
    private boolean ended;
    private volatile int cachedTokens;
    private volatile boolean lastTaken;

    /** @param maxTokens  most tokens the request can have; two more events fit, its prompt and its end */
    EventStream(String id, int maxTokens, Consumer<EventStream> onAbort) {
        this.id = id;
        this.onAbort = onAbort;
        this.events = new LinkedBlockingQueue<>(Math.addExact(maxTokens, 2));
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public int cachedTokens() {
        return cachedTokens;
    }

    /** Said by the engine before the first event. */
    void cached(int tokens) {
        cachedTokens = tokens;
    }

    @Override
    public GenerationEvent take() throws InterruptedException {
        checkOpen();
        return noted(events.take());
    }

    @Override
    public @Nullable GenerationEvent poll(Duration timeout) throws InterruptedException {
        checkOpen();
        GenerationEvent event = events.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
        return event == null ? null : noted(event);
    }

    @Override
    public void abort() {
        onAbort.accept(this);
    }

    /**
     * Passes an event on.
     *
     * @return false if the request has ended already, and the event goes nowhere
     */
    synchronized boolean put(GenerationEvent event) {
        if (ended) {
            return false;
        }
        ended = isLast(event);
        if (!events.offer(event)) {
            throw new IllegalStateException("request " + id + " has more events than its maximum of tokens allows");
        }
        return true;
    }

    private GenerationEvent noted(GenerationEvent event) {
        if (isLast(event)) {
            lastTaken = true;
        }
        return event;
    }

    private void checkOpen() {
        if (lastTaken) {
            throw new IllegalStateException("the last event of request " + id + " was taken already");
        }
    }

    private static boolean isLast(GenerationEvent event) {
        return event instanceof GenerationEvent.Finished || event instanceof GenerationEvent.Failed;
    }
}
