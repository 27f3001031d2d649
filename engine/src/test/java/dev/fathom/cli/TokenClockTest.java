package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class TokenClockTest {
    @Test
    void measuresFirstTokenAndIntervals() {
        TokenClock clock = new TokenClock(1_000_000_000);
        clock.chunk(1_200_000_000, 1);
        clock.chunk(1_250_000_000, 2);
        clock.chunk(1_270_000_000, 2); // no new token, such as the closing event
        clock.chunk(1_350_000_000, 4); // two tokens in one chunk: two equal intervals
        BenchResult result = clock.result(7, 1_400_000_000);
        assertThat(result.firstToken()).isCloseTo(0.2, within(1e-9));
        assertThat(result.tokenIntervals()).containsExactly(new double[] {0.05, 0.05, 0.05}, within(1e-9));
        assertThat(result.latency()).isCloseTo(0.4, within(1e-9));
        assertThat(result.inputTokens()).isEqualTo(7);
        assertThat(result.outputTokens()).isEqualTo(4);
        assertThat(result.error()).isEmpty();
    }

    @Test
    void growsWithLongAnswers() {
        TokenClock clock = new TokenClock(0);
        for (int i = 1; i <= 1000; i++) {
            clock.chunk(i, i);
        }
        assertThat(clock.result(1, 1000).tokenIntervals()).hasSize(999);
    }
}
