package dev.fathom.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * 200 downloads that are ended at random points: 60 are processes, two at a time on one cache, killed with SIGKILL; the others are
 * threads that are interrupted, which takes less time.
 */
@Tag("slow")
class DownloadTortureTest {
    private static final int PROCESS_ROUNDS = 30;
    private static final int AT_ONCE = 2;
    private static final int THREAD_ROUNDS = 140;

    /** So many rounds of kills, then one of processes that may end; then the cache begins anew. */
    private static final int ROUNDS_PER_DOWNLOAD = 10;

    private static final long PATIENCE_SECONDS = 120;

    @TempDir
    private Path folder;

    @Test
    void isBitIdenticalAfterTwoHundredKillsAtRandomPoints() throws Exception {
        long seed = System.nanoTime();
        System.out.println("DownloadTortureTest: seed " + seed);
        Random random = new Random(seed);
        Map<String, byte[]> files = HubFixture.files(random);
        long total = HubFixture.needed().stream()
                .mapToLong(name -> HubFixture.content(files, name).length)
                .sum();
        int killed = 0;
        int inMidFile = 0;
        int rounds = PROCESS_ROUNDS + THREAD_ROUNDS;
        try (HubServer server = new HubServer(files)) {
            for (int round = 0; round < rounds; round++) {
                Path cache = folder.resolve("cache-" + round / ROUNDS_PER_DOWNLOAD);
                // Mostly after some bytes more; sometimes after no byte or some time, so that what is not a body is
                // hit, too.
                long bytes = random.nextInt(4) == 0 ? 0 : random.nextLong(total / ROUNDS_PER_DOWNLOAD);
                if (round < PROCESS_ROUNDS) {
                    killed += killed(server, cache, bytes, random.nextInt(30));
                } else {
                    interrupt(server, cache, bytes, random.nextInt(5));
                }
                inMidFile += parts(cache) > 0 ? 1 : 0;
                if (round % ROUNDS_PER_DOWNLOAD == ROUNDS_PER_DOWNLOAD - 1) {
                    HubFixture.assertWhole(finished(server, cache), files);
                }
            }
        }
        System.out.println("DownloadTortureTest: " + killed + " processes killed, " + THREAD_ROUNDS
                + " threads interrupted; after " + inMidFile + " of " + rounds + " rounds a file was in parts");
        assertThat(killed + THREAD_ROUNDS).isEqualTo(200);
        assertThat(inMidFile).isPositive();
    }

    /** Kills processes once they have fetched so many bytes together, and some time has passed; or when one ends before. */
    private static int killed(HubServer server, Path cache, long bytes, long millis) throws Exception {
        CountDownLatch reached = reached(server, bytes);
        List<Process> processes = new ArrayList<>();
        try {
            for (int i = 0; i < AT_ONCE; i++) {
                processes.add(process(server, cache));
            }
            for (Process process : processes) {
                Thread.ofVirtual().start(() -> ended(process, reached));
            }
            assertThat(reached.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            Thread.sleep(millis);
        } finally {
            for (Process process : processes) {
                process.destroyForcibly();
                process.waitFor();
            }
            server.onBytes(() -> {});
        }
        return processes.size();
    }

    private static void ended(Process process, CountDownLatch reached) {
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        reached.countDown();
    }

    /** The same in this process, with an interrupt for the kill. */
    private static void interrupt(HubServer server, Path cache, long bytes, long millis) throws Exception {
        CountDownLatch reached = reached(server, bytes);
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                DownloadProcess.main(new String[] {server.endpoint().toString(), cache.toString()});
            } catch (InterruptedException e) {
                // as wanted
            } finally {
                reached.countDown();
            }
        });
        assertThat(reached.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        Thread.sleep(millis);
        thread.interrupt();
        thread.join();
        server.onBytes(() -> {});
    }

    /** Counted down when the server has sent so many bytes more, or at the first request; it then becomes slow. */
    private static CountDownLatch reached(HubServer server, long bytes) {
        CountDownLatch reached = new CountDownLatch(1);
        long limit = server.bytesSent() + bytes;
        server.faults(request -> {
            if (bytes == 0) {
                reached.countDown();
            }
            return List.of();
        });
        server.onBytes(() -> {
            if (server.bytesSent() >= limit) {
                reached.countDown();
                pause(); // no more than a few pieces until the end
            }
        });
        return reached;
    }

    private static Path finished(HubServer server, Path cache) throws Exception {
        Process process = process(server, cache);
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return Path.of(output.strip().lines().toList().getLast());
    }

    private static Process process(HubServer server, Path cache) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Xmx64m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        DownloadProcess.class.getName(),
                        server.endpoint().toString(),
                        cache.toString())
                .redirectErrorStream(true)
                .start();
    }

    private static int parts(Path cache) throws IOException {
        Path blobs = cache.resolve("models--deepseek-ai--Torture/blobs");
        if (!Files.isDirectory(blobs)) {
            return 0;
        }
        try (var list = Files.list(blobs)) {
            return (int)
                    list.filter(path -> path.toString().endsWith(".incomplete")).count();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
