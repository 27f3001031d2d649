package dev.fathom.cli;

import java.io.PrintStream;
import java.util.function.LongSupplier;

/**
 * One line that moves on a terminal; elsewhere nothing but the closing line. Calls may come from any thread.
 */
final class ProgressBar {
    private static final int WIDTH = 28;
    private static final long REDRAW_NANOS = 80_000_000;

    private final PrintStream out;
    private final boolean terminal;
    private final String label;
    private final LongSupplier nanoTime;
    private final long began;
    private long drawn;
    private int drawnLength;

    ProgressBar(PrintStream out, boolean terminal, String label, LongSupplier nanoTime) {
        this.out = out;
        this.terminal = terminal;
        this.label = label;
        this.nanoTime = nanoTime;
        this.began = nanoTime.getAsLong();
        this.drawn = began - REDRAW_NANOS;
    }

    /**
     * Draws the bar, unless it was drawn a moment ago.
     *
     * @param fraction  done so far, in [0, 1]
     * @param text      what stands right of the bar
     */
    synchronized void update(double fraction, String text) {
        long now = nanoTime.getAsLong();
        if (!terminal || now - drawn < REDRAW_NANOS) {
            return;
        }
        drawn = now;
        double share = Math.clamp(fraction, 0.0, 1.0);
        int filled = (int) Math.round(share * WIDTH);
        draw(label + " [" + "#".repeat(filled) + ".".repeat(WIDTH - filled) + "] "
                + Units.format("%3.0f %%  ", share * 100) + text);
    }

    /** Replaces the bar by a line that stays. */
    synchronized void finish(String line) {
        draw(line);
        out.println();
    }

    double elapsedSeconds() {
        return (nanoTime.getAsLong() - began) / 1e9;
    }

    private void draw(String line) {
        String start = terminal ? "\r" : "";
        out.print(start + line + " ".repeat(Math.max(0, drawnLength - line.length())));
        out.flush();
        drawnLength = terminal ? line.length() : 0;
    }
}
