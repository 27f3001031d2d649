package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MlaConfigTest {
    private static final MlaConfig V3 = new MlaConfig(128, 1536, 512, 128, 64, 128);

    @Test
    void expandsAPromptWithoutPrefix() {
        assertThat(V3.expandedIsCheaper(1, 0)).isTrue();
        assertThat(V3.expandedIsCheaper(100, 0)).isTrue();
        assertThat(V3.expandedIsCheaper(100_000, 0)).isTrue();
    }

    @Test
    void absorbsOneTokenAfterAPrefix() {
        assertThat(V3.expandedIsCheaper(1, 1)).isFalse();
        assertThat(V3.expandedIsCheaper(1, 100_000)).isFalse();
    }

    @Test
    void absorbsAFewTokensAfterALongPrefixAndExpandsForMany() {
        assertThat(V3.expandedIsCheaper(8, 4096)).isFalse();
        assertThat(V3.expandedIsCheaper(2048, 4096)).isTrue();
    }

    /** With P much longer than n, a key costs 131,072 to expand and each pair saves 768 of 1,088: n = 170.7. */
    @Test
    void changesFormWhereTheCountsCross() {
        assertThat(V3.expandedIsCheaper(170, 1_000_000)).isFalse();
        assertThat(V3.expandedIsCheaper(171, 1_000_000)).isTrue();
    }

    @Test
    void refusesAnOddRopeWidthByName() {
        assertThatThrownBy(() -> new MlaConfig(1, 0, 4, 4, 3, 4))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("qk_rope_head_dim must be even")
                .hasMessageContaining("3");
    }
}
