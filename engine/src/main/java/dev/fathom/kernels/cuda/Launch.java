package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Puts kernels into the device's stream. Arguments are eight bytes each, one behind the other, as all kernels here take them;
 * the driver copies them, so one piece of memory serves every launch. While a step is recorded, launches are collected and made
 * together, by a graph if the same ones came before ({@link CudaGraphs}).
 */
final class Launch {
    private static final int MOST_ARGUMENTS = 48;

    // CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE
    private static final long ARGUMENTS_AT = 1;
    private static final long ARGUMENTS_SIZE = 2;

    /** As of this compute capability kernels wait for the launch before (storage.cuh). */
    private static final int OVERLAPPING = 90;

    private final CudaDevice device;
    private final CudaGraphs graphs;
    private final LaunchList waiting;
    private final MemorySegment arguments;
    private final MemorySegment size;
    private final MemorySegment extra;
    private final LaunchConfig config;
    private Runnable copies = () -> {};
    private Touching touching = (address, bytes) -> {};
    private boolean recording;
    private Work work = Work.UNKNOWN;
    private @Nullable Consumer<LaunchList> profiler;
    private long used;
    private @Nullable Product product;

    Launch(CudaDevice device, CudaGraphs graphs, Arena arena) {
        this.device = device;
        this.graphs = graphs;
        waiting = new LaunchList(arena);
        arguments = arena.allocate(8L * MOST_ARGUMENTS, 16);
        size = arena.allocate(ValueLayout.JAVA_LONG);
        extra = arena.allocate(ValueLayout.JAVA_LONG, 5);
        extra.setAtIndex(ValueLayout.JAVA_LONG, 0, ARGUMENTS_AT);
        extra.setAtIndex(ValueLayout.JAVA_LONG, 2, ARGUMENTS_SIZE);
        extra.setAtIndex(ValueLayout.JAVA_LONG, 3, size.address());
        config = new LaunchConfig(device.stream(), device.capability() >= OVERLAPPING, arena);
        device.beforeWaiting(this::flush);
    }

    /** Hears of memory that a launch will read or write, but for what is given by its bare address. */
    @FunctionalInterface
    interface Touching {
        void touch(long address, long bytes);
    }

    void beforeTouching(Touching by) {
        touching = by;
    }

    /** @param copies  sends what collected launches read */
    void beforeFlush(Runnable copies) {
        this.copies = copies;
    }

    /** From now on launches wait for {@link #flush}, or they do not. What waits is made first. */
    void record(boolean now) {
        flush();
        recording = now || profiler != null;
    }

    /** @param by  gets, instead of their being made, the launches that wait; null as usual */
    void profile(@Nullable Consumer<LaunchList> by) {
        flush();
        profiler = by;
    }

    boolean recording() {
        return recording;
    }

    /** Makes the launches that wait. */
    void flush() {
        if (waiting.isEmpty()) {
            return;
        }
        device.enter();
        try {
            copies.run();
            if (profiler != null) {
                profiler.accept(waiting);
            } else {
                graphs.run(waiting, () -> waiting.forEach(this::now));
            }
        } finally {
            waiting.clear();
            product = null;
        }
    }

    Launch begin() {
        used = 0;
        work = Work.UNKNOWN;
        return this;
    }

    /** For profiles. */
    Launch work(double bytes, double operations) {
        work = new Work(bytes, operations);
        return this;
    }

    Launch put(long value) {
        arguments.set(ValueLayout.JAVA_LONG, used, value);
        used += 8;
        return this;
    }

    Launch put(double value) {
        return put(Double.doubleToRawLongBits(value));
    }

    Launch put(boolean value) {
        return put(value ? 1L : 0L);
    }

    /** Where a tensor is. */
    Launch put(String name, Tensor tensor) {
        long address = DeviceMemory.address(tensor, name);
        touching.touch(address, Tensor.byteSize(tensor.rows(), tensor.cols()));
        return put(address);
    }

    /** Where a view's first head is, then how many numbers it is to the next row and to the next head. */
    Launch put(String name, HeadView view) {
        Tensor tensor = view.tensor();
        touching.touch(DeviceMemory.address(tensor, name), Tensor.byteSize(tensor.rows(), tensor.cols()));
        return put(DeviceMemory.address(view, name)).put(view.tensor().cols()).put(view.stride());
    }

    void run(Kernel kernel, Grid grid) {
        run(kernel, grid, 0);
    }

    /**
     * A product that may be made together with another one.
     *
     * @param pair  the kernel that makes two
     */
    record Product(Kernel kernel, Kernel pair, Grid grid, Tensor x, Tensor y) {
        private boolean goesWith(Product before) {
            return pair.equals(before.pair)
                    && grid.y() == 1
                    && grid.z() == 1
                    && before.grid.y() == 1
                    && before.grid.z() == 1
                    && !overlap(before.y, x)
                    && !overlap(before.y, y)
                    && !overlap(before.x, y);
        }

        private static boolean overlap(Tensor one, Tensor other) {
            long a = DeviceMemory.address(one, "product");
            long b = DeviceMemory.address(other, "product");
            return a < b + Tensor.byteSize(other.rows(), other.cols())
                    && b < a + Tensor.byteSize(one.rows(), one.cols());
        }
    }

    /** Runs a product: in one launch with the product right before it, where neither needs the other. */
    void run(Product wanted) {
        Product before = product;
        if (recording && before != null && wanted.goesWith(before)) {
            waiting.join(wanted.pair, wanted.grid, arguments.asSlice(0, used), work);
            product = null;
        } else {
            run(wanted.kernel, wanted.grid, 0);
            product = recording ? wanted : null;
        }
    }

    /** @param shared  bytes of shared memory beyond what the kernel declares */
    void run(Kernel kernel, Grid grid, long shared) {
        product = null;
        if (grid.isEmpty()) {
            return;
        }
        if (recording) {
            waiting.add(kernel, grid, shared, arguments.asSlice(0, used), work);
        } else {
            device.enter();
            now(kernel, grid, shared, arguments.asSlice(0, used));
        }
    }

    /** Makes one launch at once. */
    void now(Kernel kernel, Grid grid, long shared, MemorySegment from) {
        Kernel.Call call = kernel.call();
        if (call != null) {
            call.make(from);
            return;
        }
        extra.setAtIndex(ValueLayout.JAVA_LONG, 1, from.address());
        size.set(ValueLayout.JAVA_LONG, 0, from.byteSize());
        device.driver().launch(kernel.name(), kernel.function(), grid, config.of(grid, shared), extra.address());
    }
}
