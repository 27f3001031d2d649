package dev.fathom.kernels.c;

import dev.fathom.kernels.WorkerPool;
import dev.fathom.tensor.LazyMemory;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The vector backend's worker pool calling C, with the memory that calls need. Calls come from one thread at a time. */
final class CTeam implements AutoCloseable {
    /** Multiply-adds (or the like) worth about 10 us on one thread: below that a barrier costs more than it saves. */
    private static final long SMALLEST_SHARE = 100_000;
    /** Units handed out for each thread: enough to even out threads of unequal speed. */
    private static final int UNITS_PER_THREAD = 8;
    /** Of the rows a unit has: as many as the C side expands together for many rows of x, and tiles take for few. */
    private static final int GRAIN = 64;

    private static final int SMALL_GRAIN = 32;
    private static final int MANY_ROWS = 48;

    private static final int CACHE_LINE = 64;

    private final WorkerPool pool;
    private final Arena arena;
    private final MemorySegment workspaces;
    private final Buffer prepared = new Buffer();

    CTeam(WorkerPool pool, Arena arena, long workspaceBytes) {
        this.pool = pool;
        this.arena = arena;
        workspaces = arena.allocate(Math.multiplyExact(workspaceBytes, pool.threads()), CACHE_LINE);
    }

    int threads() {
        return pool.threads();
    }

    /** Memory for as long as the backend lives. */
    MemorySegment allocate(long bytes) {
        return arena.allocate(bytes, CACHE_LINE);
    }

    /** Zeros for as long as the backend lives; they cost nothing until they are touched. */
    MemorySegment notes(long bytes) {
        return bytes == 0 ? MemorySegment.NULL : LazyMemory.allocate(bytes, arena);
    }

    MemorySegment workspaces() {
        return workspaces;
    }

    /** Memory for {@code rows} prepared rows of x, valid until the next call. */
    MemorySegment prepared(int rows, int cols) {
        return prepared.atLeast(preparedBytes(rows, cols));
    }

    /** Memory for {@code bytes} of prepared rows for each thread, valid until the next call. */
    MemorySegment preparedForEach(long bytes) {
        return prepared.atLeast(Math.multiplyExact(bytes, pool.threads()));
    }

    Buffer buffer() {
        return new Buffer();
    }

    /** Memory that grows when asked for more. */
    final class Buffer {
        private MemorySegment memory = MemorySegment.NULL;

        private Buffer() {}

        /** At least {@code bytes} bytes, content unspecified; what an earlier call gave is void. */
        MemorySegment atLeast(long bytes) {
            if (memory.byteSize() < bytes) {
                // Sizes double, so what is outgrown is less than what is in use; it stays until the arena closes.
                memory = allocate(Math.max(bytes, 2 * memory.byteSize()));
            }
            return memory;
        }

        /** Copies numbers [from, from + count) to where C can read them, until the next call: returns their address. */
        long copy(int[] numbers, int from, int count) {
            MemorySegment copy = atLeast(4L * count);
            MemorySegment.copy(numbers, from, copy, ValueLayout.JAVA_INT, 0, count);
            return copy.address();
        }
    }

    /** At least what prepared_bytes of product.h says, whatever the format. */
    static long preparedBytes(int rows, int cols) {
        return Math.multiplyExact(4L * rows, Math.ceilDiv(cols, CLibrary.LANES) * CLibrary.LANES);
    }

    /**
     * Runs an operation to its end.
     *
     * @param struct  its first number is the counter of units
     * @param units   how many there are
     * @param work    multiply-adds of all units together; a small operation runs on the caller alone
     */
    void run(MemorySegment operation, MemorySegment struct, long units, long work) {
        struct.set(ValueLayout.JAVA_LONG, 0, 0);
        int parts = (int) Math.min(Math.min(pool.threads(), units), work / SMALLEST_SHARE);
        if (parts <= 1) {
            CLibrary.call(operation, struct, 0);
        } else {
            pool.run(parts, (part, all) -> CLibrary.call(operation, struct, part));
        }
    }

    /** Weight rows in a unit of work with m rows of x. */
    int rowsPerUnit(int rows, int m) {
        int grain = m > MANY_ROWS ? GRAIN : SMALL_GRAIN;
        int wanted = Math.ceilDiv(rows, UNITS_PER_THREAD * pool.threads());
        return Math.ceilDiv(wanted, grain) * grain;
    }

    static long address(Tensor tensor, String name) {
        return address(tensor.data(), name);
    }

    /** Where memory is, for C. Whoever bound or passed it keeps it alive. */
    static long address(MemorySegment memory, String name) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException(name + ": memory outside the Java heap is wanted, got " + memory);
        }
        if (!memory.scope().isAlive()) {
            throw new IllegalStateException(name + ": its arena is closed");
        }
        return memory.address();
    }

    @Override
    public void close() {
        arena.close();
    }
}
