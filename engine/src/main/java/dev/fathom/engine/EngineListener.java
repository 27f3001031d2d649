package dev.fathom.engine;

import dev.fathom.api.RequestException;

/**
 * What an engine tells whoever logs and measures. Calls come from the engine thread, except {@link #stuck}; they must
 * neither block nor throw.
 */
public interface EngineListener {
    /** A step is about to compute prompt tokens. */
    default void prefill(PrefillStats stats) {}

    /** Called every {@code decodeLogInterval} decode steps. */
    default void decode(DecodeStats stats) {}

    /** A request ended with a Finished event, which its requester is about to get. */
    default void finished(RequestTiming timing) {}

    /** A request ended with a Failed event, which its requester is about to get. */
    default void failed(String id, RequestException error) {}

    /** Memory ran out: so many running requests went back to the queue and will be recomputed. */
    default void retracted(int requests) {}

    /** A step takes too long; called from the watchdog's thread. */
    default void stuck(StuckStep step) {}

    /** A defect ends the engine; requesters hear of it next. */
    default void crashed() {}

    static EngineListener none() {
        return new EngineListener() {};
    }
}
