package dev.fathom.cli;

import java.util.Optional;

/**
 * How one request of a benchmark went; times in seconds.
 *
 * @param error           why it failed; the other figures mean nothing then
 * @param outputTokens    as the server counted them
 * @param latency         from sending to the last byte
 * @param firstToken      from sending to the first token
 * @param tokenIntervals  between tokens; a chunk of several tokens counts as several equal intervals
 */
record BenchResult(
        Optional<String> error,
        int inputTokens,
        int outputTokens,
        double latency,
        double firstToken,
        double[] tokenIntervals) {

    static BenchResult failed(int inputTokens, String error) {
        return new BenchResult(Optional.of(error), inputTokens, 0, 0, 0, new double[0]);
    }
}
