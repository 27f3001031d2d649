package dev.fathom.checkpoint.hub;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** A request failed in a way that may pass: a dropped connection, a busy server. */
final class TransientException extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient Optional<Duration> retryAfter;

    TransientException(String message, Throwable cause) {
        super(message, cause);
        this.retryAfter = Optional.empty();
    }

    /** @param retryAfter how long the server asks to wait */
    TransientException(String message, Optional<Duration> retryAfter) {
        super(message);
        this.retryAfter = retryAfter;
    }

    TransientException(String message) {
        this(message, Optional.empty());
    }

    Optional<Duration> retryAfter() {
        return retryAfter;
    }

    /** As part of a sentence. */
    String reason() {
        return String.valueOf(getMessage());
    }
}
