package dev.fathom.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Launches that have not been made yet, as numbers: for each its kernel, grid, shared memory, how many bytes of arguments, and
 * these. Two lists of the same numbers do the same.
 */
final class LaunchList {
    private static final int HEAD = 8;
    private static final long FIRST_BYTES = 1 << 17;

    private final Arena arena;
    private final List<Kernel> kernels = new ArrayList<>();
    private final List<Work> works = new ArrayList<>();
    private MemorySegment numbers;
    private long used;
    private long last;

    LaunchList(Arena arena) {
        this.arena = arena;
        numbers = arena.allocate(FIRST_BYTES, 16);
    }

    boolean isEmpty() {
        return used == 0;
    }

    void clear() {
        used = 0;
        kernels.clear();
        works.clear();
    }

    void add(Kernel kernel, Grid grid, long shared, MemorySegment arguments, Work work) {
        long bytes = arguments.byteSize();
        reserve(8 * HEAD + bytes);
        last = used;
        long[] head = {kernel.function(), grid.x(), grid.y(), grid.z(), grid.threads(), shared, bytes, 0};
        MemorySegment.copy(head, 0, numbers, ValueLayout.JAVA_LONG, used, HEAD);
        numbers.asSlice(used + 8 * HEAD, bytes).copyFrom(arguments);
        used += 8 * HEAD + bytes;
        kernels.add(kernel);
        works.add(work);
    }

    /**
     * Makes the last launch, of one row of blocks, and another such one a launch of a kernel that does both. Its blocks are the
     * first's and then the other's, its arguments the first's, the other's, and how many blocks the first has.
     */
    void join(Kernel kernel, Grid other, MemorySegment arguments, Work work) {
        long firstBlocks = number(last, 1);
        long more = arguments.byteSize() + 8;
        reserve(more);
        numbers.asSlice(used, arguments.byteSize()).copyFrom(arguments);
        numbers.set(ValueLayout.JAVA_LONG, used + arguments.byteSize(), firstBlocks);
        used += more;
        numbers.set(ValueLayout.JAVA_LONG, last, kernel.function());
        numbers.set(ValueLayout.JAVA_LONG, last + 8, firstBlocks + other.x());
        numbers.set(ValueLayout.JAVA_LONG, last + 8 * 6, number(last, 6) + more);
        kernels.set(kernels.size() - 1, kernel);
        works.set(works.size() - 1, works.getLast().plus(work));
    }

    private void reserve(long bytes) {
        if (used + bytes > numbers.byteSize()) {
            MemorySegment larger = arena.allocate(2 * numbers.byteSize() + bytes, 16);
            larger.copyFrom(numbers);
            numbers = larger;
        }
    }

    /** Makes one launch. */
    @FunctionalInterface
    interface Runner {
        void run(Kernel kernel, Grid grid, long shared, MemorySegment arguments);
    }

    void forEach(Runner runner) {
        forEach(runner, (kernel, grid) -> 1);
    }

    /** How often each launch of a kind is made. */
    @FunctionalInterface
    interface Times {
        int of(Kernel kernel, Grid grid);
    }

    void forEach(Runner runner, Times times) {
        long at = 0;
        for (Kernel kernel : kernels) {
            Grid grid = grid(at);
            long bytes = number(at, 6);
            for (int left = times.of(kernel, grid); left > 0; left--) {
                runner.run(kernel, grid, number(at, 5), numbers.asSlice(at + 8 * HEAD, bytes));
            }
            at += 8 * HEAD + bytes;
        }
    }

    private Grid grid(long at) {
        return new Grid(number(at, 1), number(at, 2), number(at, 3), (int) number(at, 4));
    }

    /** What a profile wants to know of a launch. */
    @FunctionalInterface
    interface Visitor {
        void visit(Kernel kernel, Grid grid, Work work);
    }

    void visit(Visitor visitor) {
        long at = 0;
        for (int i = 0; i < kernels.size(); i++) {
            visitor.visit(kernels.get(i), grid(at), works.get(i));
            at += 8 * HEAD + number(at, 6);
        }
    }

    private long number(long at, int index) {
        return numbers.get(ValueLayout.JAVA_LONG, at + 8L * index);
    }

    /** The same for lists of the same numbers. */
    long hash() {
        long hash = used;
        for (long at = 0; at < used; at += 8) {
            hash = (hash ^ numbers.get(ValueLayout.JAVA_LONG, at)) * 0x9E3779B97F4A7C15L;
            hash ^= hash >>> 29;
        }
        return hash;
    }

    long[] copy() {
        return numbers.asSlice(0, used).toArray(ValueLayout.JAVA_LONG);
    }

    boolean sameAs(long[] other) {
        return numbers.asSlice(0, used).mismatch(MemorySegment.ofArray(other)) == -1;
    }
}
