package dev.fathom.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.fathom.kernels.cuda.StepProfile.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Profiles of a step whose launches take known times. */
class ProfilerTest {
    private static final Kernel PRODUCT = new Kernel("product", 1);
    private static final Kernel NORM = new Kernel("norm", 2);
    private static final Grid WIDE = new Grid(128, 1, 1, 256);
    private static final Grid NARROW = new Grid(1, 1, 1, 256);
    private static final Map<Kernel, Double> MICROSECONDS = Map.of(PRODUCT, 5.0, NORM, 2.0);

    private final Arena arena = Arena.ofConfined();
    private LaunchList step;

    @BeforeEach
    void recordsAStep() {
        step = new LaunchList(arena);
        for (int layer = 0; layer < 3; layer++) {
            step.add(NORM, NARROW, 0, MemorySegment.NULL, Work.UNKNOWN);
            step.add(PRODUCT, WIDE, 0, MemorySegment.NULL, new Work(1e7, 2e7));
        }
        step.add(PRODUCT, NARROW, 0, MemorySegment.NULL, new Work(1e6, 2e6));
    }

    @AfterEach
    void closesTheArena() {
        arena.close();
    }

    /** A narrow grid takes half of a wide one's time. */
    private static double seconds(LaunchList launches, LaunchList.Times times) {
        double[] sum = {0};
        launches.forEach(
                (kernel, grid, shared, arguments) ->
                        sum[0] += MICROSECONDS.getOrDefault(kernel, 0.0) * (grid.equals(WIDE) ? 1 : 0.5) / 1e6,
                times);
        return sum[0];
    }

    @Test
    void givesEachKindWhatItAddsToTheStep() {
        StepProfile profile = new Profiler(ProfilerTest::seconds).profile(step);
        assertThat(profile.launches()).isEqualTo(7);
        assertThat(profile.seconds()).isCloseTo(20.5e-6, within(1e-12));
        assertThat(profile.kinds()).extracting(Kind::kernel).containsExactly("product", "norm", "product");
        assertThat(profile.kinds()).extracting(Kind::launches).containsExactly(3, 3, 1);
        assertThat(profile.kinds().get(0).seconds()).isCloseTo(15e-6, within(1e-12));
        assertThat(profile.kinds().get(1).seconds()).isCloseTo(3e-6, within(1e-12));
        assertThat(profile.kinds().get(2).seconds()).isCloseTo(2.5e-6, within(1e-12));
    }

    @Test
    void leavesOutWhatReadsWeightsAndMakesTheRestTwice() {
        int[] most = {0};
        new Profiler((launches, times) -> {
                    assertThat(times.of(PRODUCT, WIDE)).isLessThanOrEqualTo(1);
                    most[0] = Math.max(most[0], times.of(NORM, NARROW));
                    return seconds(launches, times);
                })
                .profile(step);
        assertThat(most[0]).isEqualTo(2);
    }

    @Test
    void printsATableWithRatesWhereTheyAreKnown() {
        String table = new Profiler(ProfilerTest::seconds).profile(step).table();
        assertThat(table.lines().toList()).hasSize(4);
        assertThat(table.lines().findFirst().orElse(""))
                .startsWith("product")
                .contains("128x1x1 of 256", "15.0 us", "73.2 %", "5.00 us each", "2,000 GB/s", "4.0 TFLOP/s");
        assertThat(table.lines().skip(1).findFirst().orElse(""))
                .startsWith("norm")
                .doesNotContain("GB/s");
        assertThat(table).endsWith("7 launches, 20.5 us; the lines above add up to 20.5 us\n");
    }
}
