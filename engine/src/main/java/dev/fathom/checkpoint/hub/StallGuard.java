package dev.fathom.checkpoint.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/** Closes a stream that nothing has come out of for a while: whoever reads it sees its end, and can ask again. */
final class StallGuard implements AutoCloseable {
    private final Thread thread;
    private volatile long lastNanos = System.nanoTime();

    StallGuard(InputStream stream, Duration longest) {
        thread = Thread.ofVirtual().name("fathom-stall-guard").start(() -> {
            try {
                long left = longest.toNanos();
                while (left > 0) {
                    Thread.sleep(Duration.ofNanos(left));
                    left = longest.toNanos() - (System.nanoTime() - lastNanos);
                }
                stream.close();
            } catch (InterruptedException | IOException e) {
                // the download is over
            }
        });
    }

    /** Something came. */
    void alive() {
        lastNanos = System.nanoTime();
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
