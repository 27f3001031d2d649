package dev.fathom.model.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.fathom.model.Rope;
import org.junit.jupiter.api.Test;

class Llama3ScalingTest {
    /** Llama 3.1's rope_scaling, also that of DeepSeek-R1-Distill-Llama. */
    private static final Llama3Scaling LLAMA = new Llama3Scaling(8, 1, 4, 8192);

    @Test
    void keepsFastPairsAndStretchesSlowOnes() {
        float[] plain = Rope.plain(128, 500_000);
        float[] stretched = LLAMA.stretch(plain);
        for (int pair = 0; pair < plain.length; pair++) {
            double turns = 8192 * plain[pair] / (2 * Math.PI);
            if (turns > 4) {
                assertThat(stretched[pair]).isEqualTo(plain[pair]);
            } else if (turns < 1) {
                assertThat(stretched[pair]).isEqualTo(plain[pair] / 8);
            } else {
                double kept = (turns - 1) / 3;
                double between = plain[pair] * (kept + (1 - kept) / 8);
                assertThat((double) stretched[pair]).isCloseTo(between, within(1e-5 * between));
            }
        }
        assertThat(stretched[28]).isEqualTo(plain[28]);
        assertThat(stretched[29]).isLessThan(plain[29]);
        assertThat(stretched[34]).isGreaterThan(plain[34] / 8);
        assertThat(stretched[35]).isEqualTo(plain[35] / 8);
    }

    @Test
    void refusesImpossibleNumbersByName() {
        assertThatThrownBy(() -> new Llama3Scaling(8, 4, 4, 8192))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("low_freq_factor 4.0")
                .hasMessageContaining("high_freq_factor 4.0");
        assertThatThrownBy(() -> new Llama3Scaling(0.5f, 1, 4, 8192)).hasMessageContaining("factor 0.5");
    }
}
