package dev.fathom.checkpoint;

/** Told how far loading is. Called by the thread that loads, never by two threads at once, with growing numbers. */
@FunctionalInterface
public interface LoadProgress {
    /** @param bytesDone  of {@code bytesTotal}, both over all files */
    void advance(long bytesDone, long bytesTotal);

    /** @param text  something that a person may want to read; a line may come in pieces, and ends with a line feed */
    default void say(String text) {}

    /** Tells nobody. */
    static LoadProgress none() {
        return (bytesDone, bytesTotal) -> {};
    }
}
