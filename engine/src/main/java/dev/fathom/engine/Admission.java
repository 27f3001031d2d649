package dev.fathom.engine;

import java.util.OptionalInt;

/**
 * When waiting requests are let in, beyond what memory and the token budget say.
 *
 * @param prefillRequests      most sequences whose prompts share a step; empty for any number
 * @param conservativeness     scales how much of what running requests may still generate is held free for them: below 1
 *                             more requests run together and retractions become likelier
 * @param preemptionThreshold  with priority scheduling, how much larger than a running request's a waiting request's
 *                             priority must be, exclusive, to take its place; empty where none is sent back
 */
public record Admission(OptionalInt prefillRequests, double conservativeness, OptionalInt preemptionThreshold) {
    /** SGLang's defaults. */
    public static final Admission DEFAULT = new Admission(OptionalInt.empty(), 1, OptionalInt.of(10));

    public Admission {
        if (prefillRequests.orElse(1) < 1) {
            throw new IllegalArgumentException("prefillRequests must be at least 1, got " + prefillRequests.getAsInt());
        }
        if (!(conservativeness >= 0 && conservativeness < 1e6)) {
            throw new IllegalArgumentException("conservativeness must be in [0, 1e6), got " + conservativeness);
        }
        if (preemptionThreshold.orElse(0) < 0) {
            throw new IllegalArgumentException(
                    "preemptionThreshold must not be negative, got " + preemptionThreshold.getAsInt());
        }
    }
}
