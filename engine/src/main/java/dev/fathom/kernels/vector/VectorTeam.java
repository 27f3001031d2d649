package dev.fathom.kernels.vector;

import dev.fathom.kernels.CpuBinding;
import dev.fathom.kernels.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/** The worker pool with a workspace for each part and one buffer for what all parts read. */
final class VectorTeam implements AutoCloseable {
    /** Multiply-adds (or the like) worth about 10 us on one thread: below that a barrier costs more than it saves. */
    private static final long SMALLEST_SHARE = 100_000;
    /** Units handed out for each thread: enough to even out threads of unequal speed. */
    private static final int UNITS_PER_THREAD = 4;

    private final WorkerPool pool;
    private final Arena arena = Arena.ofShared();
    private final Workspace[] workspaces;
    private final Workspace.Buffer shared = new Workspace.Buffer(arena);

    VectorTeam(int threads, CpuBinding binding) {
        pool = new WorkerPool(threads, "fathom-kernel", binding);
        workspaces = new Workspace[threads];
        for (int i = 0; i < threads; i++) {
            workspaces[i] = new Workspace(arena);
        }
    }

    int threads() {
        return pool.threads();
    }

    WorkerPool workers() {
        return pool;
    }

    /** At least {@code bytes} bytes for the caller to fill before parts read them; one at a time. */
    MemorySegment shared(long bytes) {
        return shared.atLeast(bytes);
    }

    /** One unit of work. */
    @FunctionalInterface
    interface UnitTask {
        void run(int unit, Workspace workspace);
    }

    /**
     * Runs every unit once; whoever is free takes the next.
     *
     * @param work  multiply-adds of all units together; a small operation runs on the caller alone
     */
    void run(int units, long work, UnitTask task) {
        int parts = (int) Math.min(Math.min(pool.threads(), units), work / SMALLEST_SHARE);
        if (parts <= 1) {
            for (int unit = 0; unit < units; unit++) {
                task.run(unit, workspaces[0]);
            }
            return;
        }
        AtomicInteger next = new AtomicInteger();
        pool.run(parts, (part, all) -> {
            Workspace workspace = workspaces[part];
            for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
                task.run(unit, workspace);
            }
        });
    }

    /**
     * How many of {@code count} rows to put into one unit: a multiple of {@code grain}, small enough to share the rows out
     * over all threads.
     */
    int rowsPerUnit(int count, int grain) {
        int wanted = Math.ceilDiv(count, UNITS_PER_THREAD * pool.threads());
        return Math.ceilDiv(wanted, grain) * grain;
    }

    @Override
    public void close() {
        pool.close();
        arena.close();
    }
}
