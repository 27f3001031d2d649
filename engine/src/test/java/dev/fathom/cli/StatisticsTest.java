package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StatisticsTest {
    /** From numpy: np.percentile([15, 20, 35, 40, 50], p). */
    @ParameterizedTest
    @CsvSource({"0, 15", "5, 16", "30, 23", "40, 29", "50, 35", "99, 49.6", "100, 50"})
    void interpolatesPercentilesAsNumpyDoes(double percent, double value) {
        Statistics figures = Statistics.of(new double[] {50, 15, 40, 20, 35});
        assertThat(figures.percentile(percent)).isCloseTo(value, within(1e-12));
    }

    @Test
    void agreesWithTheDefinitions() {
        long seed = 20260101;
        System.out.println("StatisticsTest seed " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            double[] sample = random.doubles(1 + random.nextInt(50), -5, 5).toArray();
            Statistics figures = Statistics.of(sample);
            double mean = 0;
            for (double value : sample) {
                mean += value / sample.length;
            }
            double variance = 0;
            for (double value : sample) {
                variance += Math.pow(value - mean, 2) / sample.length;
            }
            assertThat(figures.mean()).isCloseTo(mean, within(1e-9));
            assertThat(figures.deviation()).isCloseTo(Math.sqrt(variance), within(1e-9));
            assertThat(figures.max()).isEqualTo(Arrays.stream(sample).max().getAsDouble());
            for (double percent : new double[] {0, 12.5, 50, 90, 99, 100}) {
                assertThat(figures.percentile(percent)).isCloseTo(naive(sample, percent), within(1e-9));
            }
        }
    }

    /** By counting: the value at rank p * (n - 1), between its neighbours in proportion. */
    private static double naive(double[] sample, double percent) {
        double rank = percent / 100 * (sample.length - 1);
        double low = kth(sample, (int) rank);
        double high = kth(sample, (int) Math.ceil(rank));
        return low * (1 - (rank - (int) rank)) + high * (rank - (int) rank);
    }

    private static double kth(double[] sample, int k) {
        for (double candidate : sample) {
            long below = Arrays.stream(sample).filter(v -> v < candidate).count();
            long equal = Arrays.stream(sample).filter(v -> v == candidate).count();
            if (below <= k && k < below + equal) {
                return candidate;
            }
        }
        throw new AssertionError("no value of rank " + k);
    }

    @Test
    void isZeroForNothing() {
        Statistics none = Statistics.of(new double[0]);
        assertThat(none.isEmpty()).isTrue();
        assertThat(none.mean()).isZero();
        assertThat(none.median()).isZero();
        assertThat(none.deviation()).isZero();
    }
}
