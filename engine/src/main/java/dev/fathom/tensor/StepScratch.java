package dev.fathom.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * 64-byte aligned bump memory for one step's temporaries, reset between steps. It grows to the largest step seen and
 * then stays, and a step that takes what the one before took gets the same views again: no allocation in the steady
 * state. Not thread-safe: the thread that runs the step takes from it.
 */
public final class StepScratch implements AutoCloseable {
    private final MemorySource source;
    private Arena arena = Arena.ofShared();

    /** One slab in the steady state; a step larger than any before adds more, which reset joins into one. */
    private final List<Slab> slabs = new ArrayList<>();

    /** What {@link #f32} gave since the last reset, in order, then what the longest step before gave. */
    private final List<View> views = new ArrayList<>();

    private int given;
    private int current;
    private long used;
    private long peak;

    /** In host memory. */
    public StepScratch(long initialBytes) {
        this(initialBytes, (bytes, owner) -> owner.allocate(bytes, 64));
    }

    /** In memory that a backend's operations work on. */
    public StepScratch(long initialBytes, MemorySource source) {
        this.source = source;
        slabs.add(slab(0, Math.max(initialBytes, 64)));
    }

    /** An uninitialised tensor, valid until the next {@link #reset}. */
    public Tensor f32(int rows, int cols) {
        long size = Tensor.byteSize(rows, cols);
        long start = take(size);
        int index = given++;
        if (index < views.size()) {
            View view = views.get(index);
            if (view.start() == start
                    && view.tensor().rows() == rows
                    && view.tensor().cols() == cols) {
                return view.tensor();
            }
        }
        Tensor tensor = new Tensor(piece(start, size), rows, cols);
        View view = new View(start, tensor);
        if (index < views.size()) {
            views.set(index, view);
        } else {
            views.add(view);
        }
        return tensor;
    }

    /** Uninitialised bytes, 64-byte aligned, valid until the next {@link #reset}. */
    public MemorySegment bytes(long size) {
        return piece(take(size), size);
    }

    /** The start of {@code size} bytes inside the current slab. */
    private long take(long size) {
        long rounded = Math.addExact(size, 63) & -64L;
        while (Math.addExact(used, rounded) > slabs.get(current).end()) {
            if (current + 1 == slabs.size()) {
                long end = slabs.get(current).end();
                slabs.add(slab(end, Math.max(rounded, end)));
            }
            current++;
            used = slabs.get(current).start();
        }
        long start = used;
        used += rounded;
        peak = Math.max(peak, used);
        return start;
    }

    private MemorySegment piece(long start, long size) {
        Slab slab = slabs.get(current);
        return slab.memory().asSlice(start - slab.start(), size);
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
        used = mark;
        while (slabs.get(current).start() > mark) {
            current--;
        }
    }

    /** Most bytes in use at once since the last {@link #reset}. */
    public long peakBytes() {
        return peak;
    }

    /** Invalidates everything taken and makes room for a step as large as the one just done. */
    public void reset() {
        if (slabs.size() > 1) {
            arena.close();
            arena = Arena.ofShared();
            slabs.clear();
            views.clear();
            slabs.add(slab(0, Math.addExact(peak, peak / 4)));
        }
        given = 0;
        current = 0;
        used = 0;
        peak = 0;
    }

    @Override
    public void close() {
        arena.close();
    }

    private Slab slab(long start, long bytes) {
        return new Slab(source.allocate(bytes, arena), start);
    }

    private record View(long start, Tensor tensor) {}

    /** @param start position of the slab's first byte, counted over all slabs in order */
    private record Slab(MemorySegment memory, long start) {
        long end() {
            return start + memory.byteSize();
        }
    }
}
