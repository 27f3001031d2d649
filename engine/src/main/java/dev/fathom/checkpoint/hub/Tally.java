package dev.fathom.checkpoint.hub;

import java.util.concurrent.atomic.AtomicLong;

/** Counts the bytes of all files of a download. */
final class Tally {
    private final DownloadProgress progress;
    private final long total;
    private final AtomicLong done;

    Tally(DownloadProgress progress, long done, long total) {
        this.progress = progress;
        this.total = total;
        this.done = new AtomicLong(done);
    }

    /** @param bytes that came, or negative, that were thrown away */
    void add(long bytes) {
        progress.advance(done.addAndGet(bytes), total);
    }
}
