package dev.fathom.engine;

import dev.fathom.api.GenerationEvent;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The events of one request, for one consumer: tokens, then exactly one Finished or Failed. It never blocks the engine,
 * because it has room for all events the request can have.
 */
public interface GenerationStream {
    String id();

    /** Prompt tokens that were taken from the prefix cache instead of computed; 0 before the first event. */
    int cachedTokens();

    /**
     * Waits for the next event.
     *
     * @throws IllegalStateException if the last event was taken already
     */
    GenerationEvent take() throws InterruptedException;

    /**
     * Waits for the next event for at most {@code timeout}; null if there was none.
     *
     * @throws IllegalStateException if the last event was taken already
     */
    @Nullable
    GenerationEvent poll(Duration timeout) throws InterruptedException;

    /** Ends the request before the engine's next step; its last event then says so. Does nothing after the end. */
    void abort();
}
