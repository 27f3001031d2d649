package dev.fathom.cli;

import java.util.Arrays;

/** Figures of a sample, as numpy computes them: the population's deviation, percentiles interpolated linearly. */
final class Statistics {
    private final double[] sorted;

    private Statistics(double[] sorted) {
        this.sorted = sorted;
    }

    static Statistics of(double[] sample) {
        double[] sorted = sample.clone();
        Arrays.sort(sorted);
        return new Statistics(sorted);
    }

    boolean isEmpty() {
        return sorted.length == 0;
    }

    /** 0 for an empty sample, as are the other figures. */
    double mean() {
        return Arrays.stream(sorted).average().orElse(0);
    }

    double deviation() {
        double mean = mean();
        return Math.sqrt(Arrays.stream(sorted)
                .map(v -> (v - mean) * (v - mean))
                .average()
                .orElse(0));
    }

    double median() {
        return percentile(50);
    }

    /** @param percent in [0, 100] */
    double percentile(double percent) {
        if (isEmpty()) {
            return 0;
        }
        double rank = percent / 100 * (sorted.length - 1);
        int below = (int) Math.floor(rank);
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (rank - below) * (sorted[above] - sorted[below]);
    }

    double max() {
        return percentile(100);
    }
}
