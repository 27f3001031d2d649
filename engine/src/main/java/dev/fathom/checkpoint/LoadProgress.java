package dev.fathom.checkpoint;

/** Told how far loading is. Called by the thread that loads, never by two threads at once, with growing numbers. */
@FunctionalInterface
public interface LoadProgress {
    /** @param bytesDone  of {@code bytesTotal}, both over all files */
    void advance(long bytesDone, long bytesTotal);

    /** Tells nobody. */
    static LoadProgress none() {
        return (bytesDone, bytesTotal) -> {};
    }
}
