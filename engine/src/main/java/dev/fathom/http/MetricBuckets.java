package dev.fathom.http;

import java.util.ArrayList;
import java.util.List;

/**
 * Upper bounds of histograms' buckets, ascending. Times are in seconds.
 *
 * @param firstToken      of the time to the first token
 * @param betweenTokens   of the time between two tokens
 * @param whole           of a request's time
 * @param promptTokens    of the tokens of a prompt, all or not cached
 * @param generatedTokens of the tokens of an answer
 */
public record MetricBuckets(
        List<Double> firstToken,
        List<Double> betweenTokens,
        List<Double> whole,
        List<Double> promptTokens,
        List<Double> generatedTokens) {
    private static final List<Double> TOKENS = List.of(
            100d, 300d, 500d, 700d, 1000d, 1500d, 2000d, 3000d, 4000d, 5000d, 6000d, 7000d, 8000d, 9000d, 10000d,
            12000d, 15000d, 20000d, 22000d, 25000d, 30000d, 35000d, 40000d, 66000d, 99000d, 132000d, 300000d, 600000d,
            900000d, 1100000d);

    /** SGLang's. */
    public static final MetricBuckets DEFAULT = new MetricBuckets(
            List.of(0.1, 0.2, 0.4, 0.6, 0.8, 1d, 2d, 4d, 6d, 8d, 10d, 20d, 40d, 60d, 80d, 100d, 200d, 400d),
            List.of(
                    0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.06, 0.08, 0.1, 0.2, 0.4,
                    0.6, 0.8, 1d, 2d, 4d, 6d, 8d),
            List.of(
                    0.1, 0.2, 0.4, 0.6, 0.8, 1d, 2d, 4d, 6d, 8d, 10d, 20d, 40d, 60d, 80d, 100d, 200d, 400d, 600d, 1200d,
                    1800d, 2400d),
            TOKENS,
            TOKENS);

    public MetricBuckets {
        firstToken = checked(firstToken);
        betweenTokens = checked(betweenTokens);
        whole = checked(whole);
        promptTokens = checked(promptTokens);
        generatedTokens = checked(generatedTokens);
    }

    private static List<Double> checked(List<Double> bounds) {
        double last = Double.NEGATIVE_INFINITY;
        for (double bound : bounds) {
            if (!(bound > last) || Double.isInfinite(bound)) {
                throw new IllegalArgumentException("bounds of buckets must be finite and ascend, got " + bounds);
            }
            last = bound;
        }
        if (bounds.isEmpty()) {
            throw new IllegalArgumentException("a histogram needs a bucket");
        }
        return List.copyOf(bounds);
    }

    static List<Double> exponential(double first, double factor, int count) {
        List<Double> bounds = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            bounds.add(first * Math.pow(factor, i));
        }
        return bounds;
    }
}
