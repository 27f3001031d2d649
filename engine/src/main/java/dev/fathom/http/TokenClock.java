package dev.fathom.http;

import dev.fathom.serve.TextEvent;

/** Measures the time between the tokens of one answer as they arrive. */
final class TokenClock {
    private final ServerMetrics metrics;
    private final long[] lastNanos;

    TokenClock(ServerMetrics metrics, int sequences) {
        this.metrics = metrics;
        this.lastNanos = new long[sequences];
    }

    /** Tokens that arrive together share the time since the last ones, as SGLang counts it. */
    void arrived(TextEvent.Delta delta) {
        long now = System.nanoTime();
        int tokens = delta.tokens().size();
        long last = lastNanos[delta.index()];
        for (int i = 0; last != 0 && i < tokens; i++) {
            metrics.interToken((now - last) / tokens);
        }
        lastNanos[delta.index()] = now;
    }
}
