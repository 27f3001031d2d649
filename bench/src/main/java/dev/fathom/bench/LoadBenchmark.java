package dev.fathom.bench;

import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import dev.fathom.load.ModelLoader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * How fast a checkpoint is loaded beside how fast its files can be read at all, run by run: {@code LoadBenchmark MODEL [runs=5]
 * [threads=2]}. Three figures for each run:
 *
 * <ul>
 *   <li>read: the same files by read(2) into buffers of 16 MiB, by that many threads
 *   <li>mapped: the same files mapped anew and one byte of each page read, by that many threads
 *   <li>load: from the folder's name to a model that can run, and how much of that was bringing pages in
 * </ul>
 *
 * <p>The first run includes what the JVM has to compile, and with an empty kernel cache what the C compiler has to.
 */
public final class LoadBenchmark {
    private static final int CHUNK_BYTES = 16 << 20;
    private static final int PAGE_BYTES = 4096;
    private static final Path KERNEL_CACHE = Path.of("bench", "target", "kernel-cache");

    /** A part of a file. */
    private record Chunk(Path file, long from, int bytes) {}

    private final List<Chunk> chunks = new ArrayList<>();
    private final int threads;
    private final long bytes;
    /** Of what was read, so that reading is not left out. */
    private volatile int sum;

    private LoadBenchmark(List<Path> files, int threads) throws IOException {
        this.threads = threads;
        long total = 0;
        for (Path file : files) {
            long size = Files.size(file);
            for (long at = 0; at < size; at += CHUNK_BYTES) {
                chunks.add(new Chunk(file, at, (int) Math.min(CHUNK_BYTES, size - at)));
            }
            total += size;
        }
        this.bytes = total;
    }

    public static void main(String[] arguments) throws IOException {
        Path model = Path.of(arguments[0]);
        int runs = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 5;
        int threads = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 2;
        LoadBenchmark benchmark = new LoadBenchmark(files(model), threads);
        for (int run = 1; run <= runs; run++) {
            double read = benchmark.seconds(LoadBenchmark::read);
            double mapped = benchmark.seconds(LoadBenchmark::map);
            double[] load = load(model);
            System.out.printf(
                    Locale.ROOT,
                    "run %d: %.2f GB; read %.2f GB/s; mapped %.2f GB/s; load %.2f s, %.2f GB/s; its pages %.2f s, %.2f GB/s%n",
                    run,
                    benchmark.bytes / 1e9,
                    benchmark.bytes / 1e9 / read,
                    benchmark.bytes / 1e9 / mapped,
                    load[0],
                    benchmark.bytes / 1e9 / load[0],
                    load[1],
                    benchmark.bytes / 1e9 / load[1]);
        }
    }

    private static List<Path> files(Path model) throws IOException {
        if (Files.isRegularFile(model)) {
            return List.of(model);
        }
        try (Stream<Path> entries = Files.list(model)) {
            return entries.filter(file -> file.toString().endsWith(".safetensors"))
                    .sorted()
                    .toList();
        }
    }

    /** In all, and of that from the first report of progress to the last. */
    private static double[] load(Path model) {
        long[] paging = new long[2];
        LoadProgress progress = (done, total) -> {
            paging[0] = paging[0] == 0 ? System.nanoTime() : paging[0];
            paging[1] = System.nanoTime();
        };
        LoadOptions options = LoadOptions.EMBEDDED
                .withModelPath(model)
                .withSkipTokenizer(true)
                .withKernelBackend("auto")
                .withKernelCache(KERNEL_CACHE);
        long start = System.nanoTime();
        LoadedModel loaded = ModelLoader.load(options, progress);
        double all = (System.nanoTime() - start) / 1e9;
        loaded.close();
        return new double[] {all, (paging[1] - paging[0]) / 1e9};
    }

    private interface Access {
        /** @return something of what was read */
        int read(Chunk chunk, ByteBuffer buffer) throws IOException;
    }

    private double seconds(Access access) {
        AtomicInteger next = new AtomicInteger();
        long start = System.nanoTime();
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            running.add(Thread.ofPlatform().start(() -> {
                int mine = 0;
                ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK_BYTES);
                for (int at = next.getAndIncrement(); at < chunks.size(); at = next.getAndIncrement()) {
                    try {
                        mine += access.read(chunks.get(at), buffer);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
                sum = mine;
            }));
        }
        try {
            for (Thread thread : running) {
                thread.join();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private static int read(Chunk chunk, ByteBuffer buffer) throws IOException {
        try (FileChannel channel = FileChannel.open(chunk.file())) {
            buffer.clear().limit(chunk.bytes());
            while (buffer.hasRemaining() && channel.read(buffer, chunk.from() + buffer.position()) > 0) {}
            return buffer.get(0);
        }
    }

    private static int map(Chunk chunk, ByteBuffer unused) throws IOException {
        try (FileChannel channel = FileChannel.open(chunk.file());
                Arena arena = Arena.ofConfined()) {
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_ONLY, chunk.from(), chunk.bytes(), arena);
            int mine = 0;
            for (long at = 0; at < chunk.bytes(); at += PAGE_BYTES) {
                mine += memory.get(ValueLayout.JAVA_BYTE, at);
            }
            return mine;
        }
    }
}
