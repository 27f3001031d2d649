package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchPlanTest {
    private static BenchPlan.Settings settings(int prompts, double ratio, double rate, long seed) {
        return new BenchPlan.Settings(prompts, 100, 20, ratio, rate, 4000, seed);
    }

    @Test
    void isFixedByItsSeed() {
        List<BenchPlan.Item> one = BenchPlan.random(settings(20, 0, 5, 3)).items();
        List<BenchPlan.Item> same = BenchPlan.random(settings(20, 0, 5, 3)).items();
        List<BenchPlan.Item> other = BenchPlan.random(settings(20, 0, 5, 4)).items();
        assertThat(one).usingRecursiveComparison().isEqualTo(same);
        assertThat(one).usingRecursiveComparison().isNotEqualTo(other);
    }

    @Test
    void drawsLengthsAndIdsFromTheirRanges() {
        for (BenchPlan.Item item : BenchPlan.random(settings(500, 0.5, 5, 1)).items()) {
            assertThat(item.promptIds()).hasSizeBetween(50, 100);
            assertThat(Arrays.stream(item.promptIds())).allMatch(id -> id >= BenchPlan.FIRST_ID && id < 4000);
            assertThat(item.outputTokens()).isBetween(10, 20);
        }
    }

    @Test
    void fixesLengthsWithRatioOne() {
        assertThat(BenchPlan.random(settings(10, 1, 5, 1)).inputTokens()).isEqualTo(1000);
    }

    @Test
    void sendsAtTheRateAskedFor() {
        List<BenchPlan.Item> items = BenchPlan.random(settings(5000, 1, 50, 1)).items();
        assertThat(items.getFirst().startNanos()).isZero();
        assertThat(items.getLast().startNanos() / 1e9).isCloseTo(100, within(5.0));
        assertThat(items).extracting(BenchPlan.Item::startNanos).isSorted();
    }

    @Test
    void sendsAllAtOnceWithoutARate() {
        assertThat(BenchPlan.random(settings(9, 1, Double.POSITIVE_INFINITY, 1)).items())
                .allMatch(item -> item.startNanos() == 0);
    }

    @Test
    void refusesWhatMakesNoSense() {
        assertThatThrownBy(() -> settings(0, 1, 1, 1)).hasMessageContaining("--num-prompts");
        assertThatThrownBy(() -> settings(1, 2, 1, 1)).hasMessageContaining("--random-range-ratio");
        assertThatThrownBy(() -> settings(1, 1, -1, 1)).hasMessageContaining("--request-rate");
        assertThatThrownBy(() -> settings(1, 1, Double.NaN, 1)).hasMessageContaining("--request-rate");
    }
}
