package dev.fathom.engine;

import dev.fathom.api.GenerationRequest;

/**
 * A checked request on its way to the engine thread.
 *
 * @param maxNewTokens  most tokens it generates, see {@link RequestLimits#maxNewTokens}
 * @param arrivedNanos  when it was submitted, by {@link System#nanoTime}
 */
record Submission(GenerationRequest request, int maxNewTokens, long arrivedNanos, EventStream stream) {
    String id() {
        return request.id();
    }
}
