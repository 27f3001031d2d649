package dev.fathom.http;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.RequestException;
import java.util.concurrent.atomic.AtomicReference;

/** Whether the server takes requests. It only moves forward. */
final class Lifecycle {
    enum State {
        STARTING,
        SERVING,
        STOPPING
    }

    private final AtomicReference<State> state = new AtomicReference<>(State.STARTING);

    void ready() {
        state.compareAndSet(State.STARTING, State.SERVING);
    }

    void stopping() {
        state.set(State.STOPPING);
    }

    boolean isServing() {
        return state.get() == State.SERVING;
    }

    /** @throws RequestException while the server does not take requests */
    void checkServing() {
        switch (state.get()) {
            case STARTING ->
                throw new RequestException(
                        ErrorCode.UNAVAILABLE, "The server is starting: try again when /health answers 200.");
            case STOPPING -> throw new RequestException(ErrorCode.UNAVAILABLE, "The server is shutting down.");
            case SERVING -> {}
        }
    }
}
