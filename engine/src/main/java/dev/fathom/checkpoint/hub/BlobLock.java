package dev.fathom.checkpoint.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Only one process fetches a file. The system takes the lock away from a process that is killed; the empty file stays. */
final class BlobLock implements AutoCloseable {
    private static final long POLL_MILLIS = 100;

    private final FileChannel channel;

    private BlobLock(FileChannel channel) {
        this.channel = channel;
    }

    /** @param waiting run once if somebody else has the lock */
    static BlobLock take(Path file, Runnable waiting) throws IOException, InterruptedException {
        Files.createDirectories(file.resolveSibling("."));
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        boolean taken = false;
        try {
            for (int i = 0; tried(channel) == null; i++) {
                if (i == 0) {
                    waiting.run();
                }
                Thread.sleep(POLL_MILLIS);
            }
            taken = true;
            return new BlobLock(channel);
        } finally {
            if (!taken) {
                channel.close();
            }
        }
    }

    private static @Nullable FileLock tried(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // another thread of this process has it
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
