package dev.fathom.checkpoint.hub;

/** Told how far a download is; calls come from several threads. */
public interface DownloadProgress {
    /** Once, and only if something is going to be fetched. */
    void planned(DownloadPlan plan);

    /**
     * @param bytesDone  that are on the disk, those of former runs included; it falls where bytes turn out to be wrong
     */
    void advance(long bytesDone, long bytesTotal);

    /** @param sentence that a person may want to read: why nothing moves, what is tried again */
    void say(String sentence);

    /** Tells nobody. */
    static DownloadProgress none() {
        return new DownloadProgress() {
            @Override
            public void planned(DownloadPlan plan) {}

            @Override
            public void advance(long bytesDone, long bytesTotal) {}

            @Override
            public void say(String sentence) {}
        };
    }
}
