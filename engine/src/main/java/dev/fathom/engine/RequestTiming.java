package dev.fathom.engine;

import dev.fathom.api.FinishReason;

/**
 * A finished request in numbers.
 *
 * @param submittedNanos         when it was submitted, by {@link System#nanoTime}
 * @param queueNanos             from submission to the first step; the whole time where there was none
 * @param timeToFirstTokenNanos  from submission to the first token; 0 if there was none
 * @param totalNanos             from submission to the end
 * @param cachedTokens           prompt tokens taken from the prefix cache
 */
public record RequestTiming(
        String id,
        long submittedNanos,
        long queueNanos,
        long timeToFirstTokenNanos,
        long totalNanos,
        int promptTokens,
        int completionTokens,
        int cachedTokens,
        FinishReason reason) {}
