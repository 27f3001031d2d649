package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class RopeTest {
    /** DeepSeek-V3's rope_scaling. */
    private static final YarnConfig V3 = new YarnConfig(40, 4096, 32, 1, 1, 1);

    @Test
    void rampRunsFromPair10ToPair23ForV3() {
        assertThat(V3.rampStart(64, 10000)).isEqualTo(10);
        assertThat(V3.rampEnd(64, 10000)).isEqualTo(23);
    }

    @Test
    void keepsFastPairsAndStretchesSlowOnes() {
        Rope plain = new Rope(64, 10000, null);
        Rope yarn = new Rope(64, 10000, V3);
        for (int pair = 0; pair <= 10; pair++) {
            assertThat(yarn.inverseFrequency(pair)).isEqualTo(plain.inverseFrequency(pair));
        }
        for (int pair = 23; pair < 32; pair++) {
            assertThat(yarn.inverseFrequency(pair) * 40)
                    .isCloseTo(plain.inverseFrequency(pair), within(1e-6f * plain.inverseFrequency(pair)));
        }
        float between = yarn.inverseFrequency(16) / plain.inverseFrequency(16);
        assertThat(between).isCloseTo((6 / 13f) / 40 + 7 / 13f, within(1e-6f));
    }

    @Test
    void softmaxFactorIsThePublishedOne() {
        assertThat(new Rope(64, 10000, V3).softmaxFactor() / Math.sqrt(192)).isCloseTo(0.135234, within(1e-6));
        assertThat(new Rope(64, 10000, new YarnConfig(40, 4096, 32, 1, 0.707f, 0.707f)).softmaxFactor()
                        / Math.sqrt(192))
                .isCloseTo(0.114721, within(1e-6));
        assertThat(new Rope(64, 10000, null).softmaxFactor()).isEqualTo(1);
    }

    @Test
    void rotationScaleIsOneWhereBothMagnitudesAreAlike() {
        assertThat(V3.rotationScale()).isEqualTo(1);
        assertThat(new YarnConfig(40, 4096, 32, 1, 1, 0).rotationScale()).isCloseTo(1.36889f, within(1e-5f));
    }

    @Test
    void anglesAreFloatProductsOfPositionAndFrequency() {
        try (Arena arena = Arena.ofConfined()) {
            Rope rope = new Rope(4, 10000, null);
            Tensor cos = new Tensor(arena.allocate(16), 2, 2);
            Tensor sin = new Tensor(arena.allocate(16), 2, 2);
            rope.rotations(new int[] {0, 163_839}, cos, sin);
            assertThat(cos.toArray()[0]).isEqualTo(1);
            assertThat(sin.toArray()[0]).isEqualTo(0);
            assertThat(cos.get(1, 0)).isEqualTo((float) Math.cos(163_839f));
            assertThat(sin.get(1, 1)).isEqualTo((float) Math.sin(163_839 * 0.01f));
        }
    }
}
