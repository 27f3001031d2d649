package dev.fathom.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * 64-byte aligned bump memory for one step's temporaries, reset between steps. It grows to the largest step seen and
 * then stays: no allocation in the steady state. Not thread-safe: the thread that runs the step takes from it.
 */
public final class StepScratch implements AutoCloseable {
    private Arena arena = Arena.ofShared();
    private MemorySegment slab;
    private long used;
    private long wanted;
    private long peak;

    public StepScratch(long initialBytes) {
        slab = arena.allocate(Math.max(initialBytes, 64), 64);
    }

    /** An uninitialised tensor, valid until the next {@link #reset}. */
    public Tensor f32(int rows, int cols) {
        return new Tensor(bytes(Tensor.byteSize(rows, cols)), rows, cols);
    }

    /** Uninitialised bytes, 64-byte aligned, valid until the next {@link #reset}. */
    public MemorySegment bytes(long size) {
        long rounded = Math.addExact(size, 63) & -64L;
        wanted = Math.addExact(wanted, rounded);
        peak = Math.max(peak, wanted);
        if (used + rounded > slab.byteSize()) {
            // Rare: a larger step than any before. The overflow lives in the same arena until reset replaces both.
            return arena.allocate(Math.max(rounded, 64), 64).asSlice(0, size);
        }
        MemorySegment piece = slab.asSlice(used, size);
        used += rounded;
        return piece;
    }

    /** A position to go back to with {@link #release}, for temporaries that die before the step ends. */
    public long mark() {
        return used;
    }

    /** Frees what was taken since {@code mark}. */
    public void release(long mark) {
        if (mark < 0 || mark > used) {
            throw new IllegalArgumentException("mark " + mark + " is outside [0, " + used + "]");
        }
        wanted -= used - mark;
        used = mark;
    }

    /** Invalidates everything taken and makes room for a step as large as the one just done. */
    public void reset() {
        if (peak > slab.byteSize()) {
            arena.close();
            arena = Arena.ofShared();
            slab = arena.allocate(Math.addExact(peak, peak / 4), 64);
        }
        used = 0;
        wanted = 0;
        peak = 0;
    }

    @Override
    public void close() {
        arena.close();
    }
}
