package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file on its way from the hub to its blob. Bytes are appended to a part beside it and hashed as they come; the part survives a
 * kill at any byte, and what it holds is not fetched again. It becomes the blob once its hash is right.
 */
final class FileDownload {
    private static final int BUFFER_BYTES = 1 << 18;
    private static final int MOST_WRONG = 3;
    private static final Duration STALL = Duration.ofSeconds(60);
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d+)-\\d+/(\\d+|\\*)");

    /** What all files of a download share. */
    record Shared(HubHttp http, HubCache cache, Patience.Policy patience, Tally tally, DownloadProgress progress) {}

    private final Shared shared;
    private final RepoFile file;
    private final URI uri;
    private final Patience patience;
    private MessageDigest digest;
    /** Bytes of the part, all of them hashed. */
    private long there;
    /** Bytes of this file that the tally knows of. */
    private long counted;

    /** @param counted bytes of this file that the tally begins with */
    FileDownload(Shared shared, RepoFile file, URI uri, long counted) {
        this.shared = shared;
        this.file = file;
        this.uri = uri;
        this.counted = counted;
        this.patience = new Patience(shared.patience, shared.progress);
        this.digest = file.requireHash().digest(file.size());
    }

    /** @throws CheckpointException if the file cannot be had */
    void run() throws InterruptedException {
        Runnable waiting = () -> shared.progress.say("Another process fetches " + file.path() + "; waiting for it.");
        try (BlobLock _ = BlobLock.take(shared.cache.lock(file), waiting)) {
            Path blob = shared.cache.blob(file);
            if (!Files.isRegularFile(blob) || Files.size(blob) != file.size()) {
                fetch(shared.cache.part(file), blob);
            }
            count(file.size());
        } catch (TransientException e) {
            throw new CheckpointException(
                    file.path() + " cannot be fetched: " + e.reason()
                            + "; what has come is kept, run the command again to go on.",
                    e);
        } catch (IOException e) {
            throw shared.cache.unusable(e);
        }
    }

    private void fetch(Path part, Path blob) throws IOException, InterruptedException {
        Files.createDirectories(part.resolveSibling(".").normalize());
        try (FileChannel channel =
                FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            readPart(channel);
            for (int wrong = 1; !received(channel); wrong++) {
                startOver(channel);
                if (wrong == MOST_WRONG) {
                    throw new CheckpointException(file.path() + " came " + MOST_WRONG
                            + " times with another checksum than the "
                            + file.requireHash().hex()
                            + " that the hub announces: nothing of it is kept; a proxy or a mirror may alter it.");
                }
                shared.progress.say(file.path() + " came with a wrong checksum; fetching it again.");
            }
            channel.force(true);
        }
        Files.move(part, blob, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Hashes what a former run has left. */
    private void readPart(FileChannel channel) throws IOException, InterruptedException {
        if (channel.size() > file.size()) {
            channel.truncate(0);
        }
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
        while (channel.read(buffer) >= 0) {
            there += buffer.flip().remaining();
            digest.update(buffer);
            buffer.clear();
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
        }
        count(there);
    }

    private void startOver(FileChannel channel) throws IOException {
        channel.truncate(0);
        channel.position(0);
        there = 0;
        digest = file.requireHash().digest(file.size());
        count(0);
    }

    /** Fetches what is missing, and says whether the whole is right. */
    private boolean received(FileChannel channel) throws IOException, InterruptedException {
        while (there < file.size()) {
            long before = there;
            try {
                receive(channel);
            } catch (TransientException e) {
                if (there > before) {
                    patience.progressed();
                }
                patience.pause(file.path(), e);
            }
        }
        return file.requireHash().matches(digest);
    }

    private void receive(FileChannel channel) throws IOException, InterruptedException {
        HttpResponse<InputStream> response = shared.http.file(uri, there);
        try (InputStream body = response.body();
                StallGuard guard = new StallGuard(body, STALL)) {
            checkPlace(response, channel);
            ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
            while (there < file.size()) {
                int most = (int) Math.min(buffer.capacity(), file.size() - there);
                int count = read(body, buffer.array(), most);
                if (count < 0) {
                    throw new TransientException("the answer ended after " + there + " of " + file.size() + " bytes");
                }
                guard.alive();
                digest.update(buffer.array(), 0, count);
                buffer.clear().limit(count);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                there += count;
                count(there);
            }
        }
    }

    private int read(InputStream body, byte[] into, int most) throws TransientException, InterruptedException {
        try {
            return body.read(into, 0, most);
        } catch (IOException e) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            throw new TransientException(
                    "the connection dropped after " + there + " of " + file.size() + " bytes (" + e.getMessage() + ")",
                    e);
        }
    }

    /** Sees to it that the answer's first byte belongs where the part ends. */
    private void checkPlace(HttpResponse<InputStream> response, FileChannel channel) throws IOException {
        long length = response.headers().firstValueAsLong("Content-Length").orElse(-1);
        if (response.statusCode() == 200) {
            if (there > 0) {
                startOver(channel); // a server that knows no ranges
            }
            if (length >= 0 && length != file.size()) {
                throw new TransientException("the answer has " + length + " bytes, the hub's list says " + file.size());
            }
            return;
        }
        String range = response.headers().firstValue("Content-Range").orElse("");
        Matcher matcher = CONTENT_RANGE.matcher(range);
        boolean right = response.statusCode() == 206
                && matcher.matches()
                && matcher.group(1).equals(Long.toString(there))
                && (matcher.group(2).equals("*") || matcher.group(2).equals(Long.toString(file.size())));
        if (!right) {
            String asked = "bytes from " + there + " of " + file.size() + " were asked for, the answer has status "
                    + response.statusCode() + " and range \"" + range + "\"";
            startOver(channel);
            throw new TransientException(asked);
        }
    }

    private void count(long bytes) {
        shared.tally.add(bytes - counted);
        counted = bytes;
    }
}
