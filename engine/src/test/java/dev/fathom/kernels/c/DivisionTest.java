package dev.fathom.kernels.c;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.kernels.AttentionBatch;
import org.junit.jupiter.api.Test;

class DivisionTest {
    private static final int WIDTH = 512;

    private static AttentionBatch decode(int... contexts) {
        int[] start = new int[contexts.length + 1];
        int[][] slots = new int[contexts.length][];
        for (int i = 0; i < contexts.length; i++) {
            start[i + 1] = i + 1;
            slots[i] = new int[contexts[i]];
        }
        return new AttentionBatch(start, contexts, slots);
    }

    @Test
    void dividesOneLongSequenceByRunsOfAllHeads() {
        Division division = Division.of(decode(4096), 16, WIDTH, 2);
        assertThat(division.runs()).isEqualTo(16);
        assertThat(division.headsEach()).isEqualTo(16);
        assertThat(division.units()).isEqualTo(16);
    }

    @Test
    void dividesHeadsTooWhereThreadsAreMany() {
        Division division = Division.of(decode(4096), 16, WIDTH, 16);
        assertThat(division.headsEach()).isEqualTo(8);
        assertThat(division.units()).isEqualTo(32);
    }

    @Test
    void givesManySequencesToAThreadEach() {
        Division division = Division.of(decode(900, 900, 900, 900, 900, 900, 900, 900), 16, WIDTH, 2);
        assertThat(division.isByRuns()).isFalse();
        assertThat(division.units()).isEqualTo(8);
    }

    @Test
    void keepsWholeWhatOneRunHolds() {
        assertThat(Division.of(decode(Division.RUN), 16, WIDTH, 2).isByRuns()).isFalse();
        assertThat(Division.of(decode(Division.RUN + 1), 16, WIDTH, 2).isByRuns())
                .isTrue();
    }

    @Test
    void keepsWholeWhatWouldNeedMuchMemory() {
        assertThat(Division.of(decode(163_840), 128, WIDTH, 2).isByRuns()).isFalse();
    }
}
