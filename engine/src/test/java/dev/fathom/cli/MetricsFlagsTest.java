package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.fathom.http.MetricBuckets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MetricsFlagsTest {
    @Test
    void hasSglangsBucketsByDefault() {
        assertThat(buckets("")).isEqualTo(MetricBuckets.DEFAULT);
        assertThat(buckets("--prompt-tokens-buckets default --generation-tokens-buckets default"))
                .isEqualTo(MetricBuckets.DEFAULT);
    }

    @Test
    void takesBoundsOfTimesInAnyOrder() {
        MetricBuckets buckets = buckets("--bucket-time-to-first-token 5 0.5 5 --bucket-inter-token-latency 0.01"
                + " --bucket-e2e-request-latency 1 2 3");
        assertThat(buckets.firstToken()).containsExactly(0.5, 5d);
        assertThat(buckets.betweenTokens()).containsExactly(0.01);
        assertThat(buckets.whole()).containsExactly(1d, 2d, 3d);
        assertThat(buckets.promptTokens()).isEqualTo(MetricBuckets.DEFAULT.promptTokens());
    }

    /** The numbers are what SGLang's rule gives: distances of 2, 4 and 8 from 10. */
    @Test
    void takesRulesForTokens() {
        MetricBuckets buckets =
                buckets("--prompt-tokens-buckets custom 1000 10 100 --generation-tokens-buckets tse 10 2 5");
        assertThat(buckets.promptTokens()).isEqualTo(List.of(10d, 100d, 1000d));
        assertThat(buckets.generatedTokens()).isEqualTo(List.of(2d, 6d, 8d, 10d, 12d, 14d, 18d));
        assertThat(buckets("--prompt-tokens-buckets tse 3 2 5").promptTokens())
                .as("no bound is negative")
                .isEqualTo(List.of(0d, 1d, 3d, 5d, 7d, 11d));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "custom",
                "custom a",
                "custom -1",
                "tse 10 2",
                "tse 10 1 5",
                "tse 10 2 2.5",
                "tse 10 2 0",
                "tse 10 2 1e9",
                "default 1",
                "mine 1 2"
            })
    void refusesRulesThatAreNone(String rule) {
        assertThatExceptionOfType(CliException.class)
                .isThrownBy(() -> buckets("--prompt-tokens-buckets " + rule))
                .withMessageStartingWith("--prompt-tokens-buckets");
    }

    @Test
    void refusesBoundsThatAreNone() {
        for (String bound : List.of("-1", "NaN", "Infinity")) {
            assertThatExceptionOfType(CliException.class)
                    .isThrownBy(() -> buckets("--bucket-e2e-request-latency " + bound))
                    .withMessageContaining(
                            "--bucket-e2e-request-latency: bounds of buckets must not be negative, got ");
        }
    }

    private static MetricBuckets buckets(String line) {
        String[] words = line.isEmpty() ? new String[0] : line.split(" ");
        return CommandLine.populateCommand(new MetricsFlags(), words).buckets();
    }
}
