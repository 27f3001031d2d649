package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.fathom.model.Rope;
import org.junit.jupiter.api.Test;

class YarnConfigTest {
    /** DeepSeek-V3's rope_scaling. */
    private static final YarnConfig V3 = new YarnConfig(40, 4096, 32, 1, 1, 1);

    @Test
    void rampRunsFromPair10ToPair23ForV3() {
        assertThat(V3.rampStart(64, 10000)).isEqualTo(10);
        assertThat(V3.rampEnd(64, 10000)).isEqualTo(23);
    }

    @Test
    void keepsFastPairsAndStretchesSlowOnes() {
        float[] plain = Rope.plain(64, 10000);
        Rope yarn = V3.rope(64, 10000);
        for (int pair = 0; pair <= 10; pair++) {
            assertThat(yarn.inverseFrequency(pair)).isEqualTo(plain[pair]);
        }
        for (int pair = 23; pair < 32; pair++) {
            assertThat(yarn.inverseFrequency(pair) * 40).isCloseTo(plain[pair], within(1e-6f * plain[pair]));
        }
        float between = yarn.inverseFrequency(16) / plain[16];
        assertThat(between).isCloseTo((6 / 13f) / 40 + 7 / 13f, within(1e-6f));
    }

    @Test
    void softmaxFactorIsThePublishedOne() {
        assertThat(V3.softmaxFactor() / Math.sqrt(192)).isCloseTo(0.135234, within(1e-6));
        assertThat(new YarnConfig(40, 4096, 32, 1, 0.707f, 0.707f).softmaxFactor() / Math.sqrt(192))
                .isCloseTo(0.114721, within(1e-6));
    }

    @Test
    void rotationScaleIsOneWhereBothMagnitudesAreAlike() {
        assertThat(V3.rotationScale()).isEqualTo(1);
        assertThat(new YarnConfig(40, 4096, 32, 1, 1, 0).rotationScale()).isCloseTo(1.36889f, within(1e-5f));
    }
}
