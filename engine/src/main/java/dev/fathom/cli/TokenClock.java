package dev.fathom.cli;

import java.util.Arrays;

/** Turns the arrival times of a stream's chunks into its first-token time and its intervals, as bench_serving does. */
final class TokenClock {
    private final long began;
    private long last;
    private int tokens;
    private double firstToken;
    private double[] intervals = new double[64];
    private int count;

    TokenClock(long beganNanos) {
        this.began = beganNanos;
        this.last = beganNanos;
    }

    /** @param totalTokens generated so far, this chunk included */
    void chunk(long nanos, int totalTokens) {
        int fresh = totalTokens - tokens;
        if (fresh <= 0) {
            return;
        }
        if (tokens == 0) {
            firstToken = (nanos - began) / 1e9;
        } else {
            for (int i = 0; i < fresh; i++) {
                add((nanos - last) / 1e9 / fresh);
            }
        }
        tokens = totalTokens;
        last = nanos;
    }

    private void add(double interval) {
        if (count == intervals.length) {
            intervals = Arrays.copyOf(intervals, 2 * count);
        }
        intervals[count++] = interval;
    }

    int tokens() {
        return tokens;
    }

    /** @param nanos when the stream ended */
    BenchResult result(int inputTokens, long nanos) {
        return new BenchResult(
                java.util.Optional.empty(),
                inputTokens,
                tokens,
                (nanos - began) / 1e9,
                firstToken,
                Arrays.copyOf(intervals, count));
    }
}
