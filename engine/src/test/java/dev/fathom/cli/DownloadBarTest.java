package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.hub.DownloadPlan;
import dev.fathom.checkpoint.hub.HubId;
import java.net.URI;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DownloadBarTest {
    private static final DownloadPlan PLAN = new DownloadPlan(
            HubId.parse("deepseek-ai/DeepSeek-V2-Lite").orElseThrow(),
            "main",
            URI.create("https://huggingface.co"),
            9,
            31_400_000_000L,
            21_400_000_000L,
            Path.of("/cache/models--deepseek-ai--DeepSeek-V2-Lite"));

    private final CommandRunner runner = new CommandRunner();
    private long nanos;

    private void atSecond(int seconds) {
        nanos = TimeUnit.SECONDS.toNanos(seconds);
    }

    @Test
    void saysWhatIsFetchedThenRateAndTimeLeft() {
        DownloadBar bar = new DownloadBar(runner.onTerminals().terminal(), () -> nanos);
        bar.planned(PLAN);
        assertThat(runner.err())
                .isEqualToIgnoringNewLines(
                        "Fetching deepseek-ai/DeepSeek-V2-Lite (main) from https://huggingface.co: 9 files,"
                                + " 31.4 GB, of which 21.4 GB are missing, into /cache/models--deepseek-ai--DeepSeek-V2-Lite");
        atSecond(10);
        bar.advance(11_000_000_000L, 31_400_000_000L);
        assertThat(runner.err()).endsWith("35 %  11.0 GB of 31.4 GB, 100.0 MB/s, 3 min 24 s left");
        // Now it is slower; what was long ago does not count.
        for (int second = 11; second <= 40; second++) {
            atSecond(second);
            bar.advance(11_000_000_000L + (second - 10) * 10_000_000L, 31_400_000_000L);
        }
        assertThat(runner.err()).contains("10.0 MB/s, 33 min");
        bar.finish();
        assertThat(runner.err().strip()).endsWith("Downloaded 1.3 GB in 40 s, checksums verified.");
    }

    @Test
    void writesALineNowAndThenWhereNobodyWatches() {
        DownloadBar bar = new DownloadBar(runner.terminal(), () -> nanos);
        bar.planned(PLAN);
        for (int second = 1; second <= 60; second++) {
            atSecond(second);
            bar.advance(10_000_000_000L + second * 100_000_000L, 31_400_000_000L);
        }
        assertThat(runner.err().lines().filter(line -> line.startsWith("Downloading: ")))
                .containsExactly(
                        "Downloading: 13.0 GB of 31.4 GB, 100.0 MB/s, 3 min 4 s left",
                        "Downloading: 16.0 GB of 31.4 GB, 100.0 MB/s, 2 min 34 s left");
    }

    @Test
    void isSilentIfEverythingWasThere() {
        new DownloadBar(runner.terminal(), () -> nanos).finish();
        assertThat(runner.err()).isEmpty();
    }
}
