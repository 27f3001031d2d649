package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import org.junit.jupiter.api.Test;

class KvBudgetTest {
    private static final KvShape NANO = new KvShape(6, 128, 32);
    private static final long GB = 1_000_000_000;
    private static final long BYTES_PER_TOKEN = 6 * 160 * 2;

    private static KvBudget budget(int requested, double fraction, long machine, long weights, int running, int page) {
        return KvBudget.of(
                NANO, KvFormat.BF16, new KvBudget.Limits(requested, fraction, machine, weights, 8192, running, page));
    }

    @Test
    void takesTheShareOfMemoryThatTheWeightsLeave() {
        KvBudget budget = budget(0, 0.5, GB, 400_000_000, 4096, 1);
        assertThat(budget.tokens()).isEqualTo((int) (100_000_000 / BYTES_PER_TOKEN));
        assertThat(budget.bytes()).isEqualTo(budget.tokens() * BYTES_PER_TOKEN);
        assertThat(budget.reason()).isEqualTo("50 % of 1.0 GB memory less the weights");
    }

    @Test
    void stopsWhereMoreWouldRarelyBeUsed() {
        KvBudget budget = budget(0, 0.8, 64 * GB, 0, 32, 1);
        assertThat(budget.tokens()).isEqualTo(16 * 8192);
        assertThat(budget.reason())
                .isEqualTo("16 full contexts; 80 % of 64.0 GB memory less the weights would hold 26,666,666, see"
                        + " --max-total-tokens");
        assertThat(budget(0, 0.8, 64 * GB, 0, 3, 1).tokens()).isEqualTo(3 * 8192);
    }

    @Test
    void roundsDownToPages() {
        assertThat(budget(1000, 0.8, GB, 0, 32, 64).tokens()).isEqualTo(960);
    }

    @Test
    void obeysTheFlagWhateverTheMemory() {
        assertThat(budget(4096, 0.8, GB, 2 * GB, 32, 1).tokens()).isEqualTo(4096);
    }

    @Test
    void refusesWeightsThatLeaveNoMemory() {
        assertThatThrownBy(() -> budget(0, 0.8, GB, 2 * GB, 32, 1))
                .isInstanceOf(CliException.class)
                .hasMessageContaining("the weights take 2.0 GB")
                .hasMessageContaining("--mem-fraction-static 0.80 of 1.0 GB memory is 800.0 MB");
    }

    @Test
    void refusesLessThanAPage() {
        assertThatThrownBy(() -> budget(10, 0.8, GB, 0, 32, 64)).hasMessageContaining("--max-total-tokens");
    }

    @Test
    void holdsNearlyTwiceAsManyTokensInFp8() {
        KvShape deepSeek = new KvShape(61, 512, 64);
        KvBudget.Limits limits = new KvBudget.Limits(0, 0.5, GB, 0, 163_840, 4096, 1);
        assertThat(deepSeek.bytesPerToken(KvFormat.FP8_E4M3)).isEqualTo(61 * 656);
        assertThat(KvBudget.of(deepSeek, KvFormat.BF16, limits).tokens()).isEqualTo(7115);
        assertThat(KvBudget.of(deepSeek, KvFormat.FP8_E4M3, limits).tokens()).isEqualTo(12495);
    }
}
