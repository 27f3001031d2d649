package dev.fathom.cli;

import dev.fathom.checkpoint.hub.DownloadPlan;
import dev.fathom.checkpoint.hub.DownloadProgress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.LongSupplier;

/**
 * A download on the screen: what is fetched before it begins, a moving bar with rate and time left, or, where no person watches, a
 * line every half minute.
 */
final class DownloadBar implements DownloadProgress {
    /** The rate is that of so many last seconds. */
    private static final double WINDOW_SECONDS = 15;

    private static final double LINE_SECONDS = 30;

    /** @param bytes of the download that were there then */
    private record Moment(double seconds, long bytes) {}

    private final Terminal terminal;
    private final LongSupplier nanoTime;
    private final long began;
    private final Deque<Moment> window = new ArrayDeque<>();
    private final ProgressBar bar;
    private double lineSeconds;
    private boolean planned;
    private long first;
    private long done;

    DownloadBar(Terminal terminal, LongSupplier nanoTime) {
        this.terminal = terminal;
        this.nanoTime = nanoTime;
        this.began = nanoTime.getAsLong();
        this.bar = new ProgressBar(terminal.err(), terminal.errorIsTerminal(), "Downloading", nanoTime);
    }

    @Override
    public synchronized void planned(DownloadPlan plan) {
        planned = true;
        first = plan.totalBytes() - plan.missingBytes();
        done = first;
        terminal.err().println(text("Fetching", plan));
        window.add(new Moment(seconds(), first));
    }

    /** {@code Fetching deepseek-ai/DeepSeek-V2-Lite (main) from https://huggingface.co: 9 files, 31.4 GB, into /cache/...}. */
    static String text(String verb, DownloadPlan plan) {
        String left = plan.missingBytes() == plan.totalBytes()
                ? ""
                : plan.missingBytes() == 0
                        ? ", all of it there"
                        : ", of which " + Units.bytes(plan.missingBytes()) + " are missing";
        return Units.format(
                "%s %s (%s) from %s: %d file%s, %s%s, into %s",
                verb,
                plan.id(),
                plan.revision(),
                plan.endpoint(),
                plan.files(),
                plan.files() == 1 ? "" : "s",
                Units.bytes(plan.totalBytes()),
                left,
                plan.folder());
    }

    @Override
    public synchronized void advance(long bytesDone, long bytesTotal) {
        double now = seconds();
        done = bytesDone;
        window.add(new Moment(now, bytesDone));
        while (window.size() > 2 && window.getFirst().seconds < now - WINDOW_SECONDS) {
            window.removeFirst();
        }
        String text = figures(bytesDone, bytesTotal);
        bar.update(bytesTotal == 0 ? 1 : (double) bytesDone / bytesTotal, text);
        if (!terminal.errorIsTerminal() && now - lineSeconds >= LINE_SECONDS) {
            lineSeconds = now;
            terminal.err().println("Downloading: " + text);
        }
    }

    private String figures(long bytesDone, long bytesTotal) {
        Moment oldest = window.getFirst();
        double seconds = window.getLast().seconds - oldest.seconds;
        double rate = seconds > 0 ? (bytesDone - oldest.bytes) / seconds : 0;
        String amount = Units.bytes(bytesDone) + " of " + Units.bytes(bytesTotal);
        if (rate <= 0) {
            return amount;
        }
        return amount + ", " + Units.bytes((long) rate) + "/s, " + duration((bytesTotal - bytesDone) / rate) + " left";
    }

    /** 45 s, 3 min 20 s, 2 h 5 min. */
    static String duration(double seconds) {
        Duration time = Duration.ofSeconds(Math.round(seconds));
        if (time.toHours() > 0) {
            return time.toHours() + " h " + time.toMinutesPart() + " min";
        }
        return time.toMinutes() > 0
                ? time.toMinutes() + " min " + time.toSecondsPart() + " s"
                : time.toSeconds() + " s";
    }

    @Override
    public synchronized void say(String sentence) {
        bar.finish(sentence);
    }

    /** The closing line, if something was fetched. */
    synchronized void finish() {
        if (planned) {
            double seconds = seconds();
            bar.finish(Units.format(
                    "Downloaded %s in %s, checksums verified.", Units.bytes(done - first), duration(seconds)));
        }
    }

    private double seconds() {
        return (nanoTime.getAsLong() - began) / 1e9;
    }
}
