package dev.fathom.engine;

import java.time.Duration;

/**
 * A step that takes too long.
 *
 * @param phase            what the engine thread does: schedule, forward or sample
 * @param running          how long the phase takes so far
 * @param prefillTokens    prompt tokens of the step
 * @param decodeSequences  sequences that decode in the step
 * @param gaveUp           whether the timeout is over: all open requests fail and the engine takes no more
 */
public record StuckStep(
        long step,
        String phase,
        Duration running,
        Duration timeout,
        int prefillSequences,
        int prefillTokens,
        int decodeSequences,
        boolean gaveUp) {
    /** One sentence for the log. */
    public String describe() {
        return "Step " + step + " has been in " + phase + " for " + running.toMillis() + " ms with " + prefillSequences
                + " prefill sequences (" + prefillTokens + " tokens) and " + decodeSequences
                + " decode sequences; the watchdog timeout is " + timeout.toMillis() + " ms"
                + (gaveUp ? ": all open requests fail." : ".");
    }
}
