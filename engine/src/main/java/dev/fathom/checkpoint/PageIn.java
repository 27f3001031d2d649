package dev.fathom.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Brings mapped files into memory with several threads, so that the first requests do not wait for the disk. */
final class PageIn {
    /** Large enough for the disk's read-ahead, small enough to show progress every few milliseconds. */
    private static final long CHUNK_BYTES = 16L << 20;

    /** Of huge pages: with less, what was in memory before is read anew. */
    private static final double ENOUGH = 0.9;

    private final List<MemorySegment> regions;
    private final List<MemorySegment> chunks = new ArrayList<>();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicLong done = new AtomicLong();
    private final boolean huge;
    /** Of bytes that were read: keeps the JIT from leaving reads out. */
    private final AtomicInteger touched = new AtomicInteger();

    private final long total;

    PageIn(List<MemorySegment> regions) {
        this(regions, false);
    }

    private PageIn(List<MemorySegment> regions, boolean huge) {
        this.huge = huge;
        this.regions = List.copyOf(regions);
        long bytes = 0;
        for (MemorySegment region : regions) {
            bytes += region.byteSize();
            for (long at = 0; at < region.byteSize(); at += CHUNK_BYTES) {
                chunks.add(region.asSlice(at, Math.min(CHUNK_BYTES, region.byteSize() - at)));
            }
        }
        total = bytes;
    }

    /** Returns when every page was touched; only the calling thread, one of {@code threads}, reports. */
    void run(LoadProgress progress, int threads) {
        int others = Math.min(threads, chunks.size()) - 1;
        try (ExecutorService workers = Executors.newFixedThreadPool(
                Math.max(others, 1),
                Thread.ofPlatform().daemon().name("page-in-", 0).factory())) {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < others; i++) {
                running.add(workers.submit(() -> touchRest(LoadProgress.none())));
            }
            try {
                touchRest(progress);
                for (Future<?> worker : running) {
                    worker.get();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CheckpointException("Loading the weights was interrupted; start again.", e);
            } catch (ExecutionException | InternalError e) {
                // The JVM reports a fault in mapped memory (the file shrank, the disk failed) as InternalError.
                throw new CheckpointException(
                        "Reading the weights failed: a file changed while it was mapped, or the disk has an error;"
                                + " check the disk and download the checkpoint again.",
                        e);
            } finally {
                next.set(chunks.size());
            }
        }
        progress.advance(total, total);
    }

    /**
     * As {@link #run}, into pages of 2 MiB; what lay in memory in small ones is read once more.
     *
     * @throws CheckpointException if that cannot be
     */
    void runHuge(LoadProgress progress, int threads) {
        HugePages.require();
        List<MemorySegment> mapped =
                regions.stream().filter(MemorySegment::isMapped).toList();
        if (mapped.isEmpty()) {
            throw new CheckpointException("--huge-pages is for weights that are mapped from files, and these are not:"
                    + " leave the flag out.");
        }
        HugePages.advise(mapped);
        new PageIn(regions, true).run(progress, threads);
        double share = HugePages.share(mapped);
        if (share < ENOUGH) {
            HugePages.pageOut(mapped);
            new PageIn(regions, true).run(progress, threads);
            share = HugePages.share(mapped);
        }
        progress.say(String.format(Locale.ROOT, "%.0f %% of the weights lie in pages of 2 MiB", 100 * share)
                + (share < ENOUGH
                        ? ": the others are used by another process, memory is fragmented, or the file system cannot (ext4"
                                + " can from Linux 6.16 on, XFS and Btrfs can).\n"
                        : ".\n"));
    }

    private void touchRest(LoadProgress progress) {
        for (int i = next.getAndIncrement(); i < chunks.size(); i = next.getAndIncrement()) {
            MemorySegment chunk = chunks.get(i);
            if (chunk.isMapped()) {
                touch(chunk);
            }
            progress.advance(done.addAndGet(chunk.byteSize()), total);
        }
    }

    private void touch(MemorySegment chunk) {
        if (!huge) {
            chunk.load();
            return;
        }
        // load() asks Linux to read ahead, and what is read so lies in small pages; a fault fills a huge one.
        int sum = 0;
        for (long at = 0; at < chunk.byteSize(); at += HugePages.SMALL_PAGE) {
            sum += chunk.get(ValueLayout.JAVA_BYTE, at);
        }
        touched.addAndGet(sum);
    }
}
