package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressBarTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    private final AtomicLong clock = new AtomicLong();

    private ProgressBar bar(boolean terminal) {
        return new ProgressBar(out, terminal, "Loading", clock::get);
    }

    private String written() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void writesOnlyTheClosingLineWhereNobodyWatches() {
        ProgressBar bar = bar(false);
        for (int i = 0; i <= 10; i++) {
            clock.addAndGet(1_000_000_000);
            bar.update(i / 10.0, i + " of 10");
        }
        bar.finish("Loaded.");
        assertThat(written()).isEqualToNormalizingNewlines("Loaded.\n");
    }

    @Test
    void drawsOverItselfOnATerminal() {
        ProgressBar bar = bar(true);
        bar.update(0.5, "5 of 10");
        assertThat(written()).isEqualTo("\rLoading [##############..............]  50 %  5 of 10");
        bar.finish("Loaded.");
        String last = written().substring(written().lastIndexOf('\r') + 1);
        assertThat(last)
                .startsWith("Loaded.")
                .hasSize("Loading [##############..............]  50 %  5 of 10".length()
                        + System.lineSeparator().length());
    }

    @Test
    void redrawsTwelveTimesASecondAtMost() {
        ProgressBar bar = bar(true);
        for (int i = 0; i < 1000; i++) {
            clock.addAndGet(1_000_000);
            bar.update(i / 1000.0, "");
        }
        assertThat(written().chars().filter(c -> c == '\r').count()).isBetween(10L, 13L);
    }

    @Test
    void staysInsideItsFrame() {
        ProgressBar bar = bar(true);
        bar.update(7, "");
        assertThat(written()).contains("[############################] 100 %");
    }

    @Test
    void tellsTheTimeSinceItsMaking() {
        ProgressBar bar = bar(false);
        clock.addAndGet(1_500_000_000);
        assertThat(bar.elapsedSeconds()).isEqualTo(1.5);
    }
}
