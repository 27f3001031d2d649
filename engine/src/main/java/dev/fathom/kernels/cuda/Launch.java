package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Puts a kernel into the device's stream. Arguments are eight bytes each, one behind the other, as all kernels here take them;
 * the driver copies them, so one piece of memory serves every launch.
 */
final class Launch {
    private static final int MOST_ARGUMENTS = 48;

    // CU_LAUNCH_PARAM_BUFFER_POINTER, CU_LAUNCH_PARAM_BUFFER_SIZE
    private static final long ARGUMENTS_AT = 1;
    private static final long ARGUMENTS_SIZE = 2;

    private final CudaDevice device;
    private final MemorySegment arguments;
    private final MemorySegment size;
    private final MemorySegment extra;
    private long used;

    Launch(CudaDevice device, Arena arena) {
        this.device = device;
        arguments = arena.allocate(8L * MOST_ARGUMENTS, 16);
        size = arena.allocate(ValueLayout.JAVA_LONG);
        extra = arena.allocate(ValueLayout.JAVA_LONG, 5);
        extra.setAtIndex(ValueLayout.JAVA_LONG, 0, ARGUMENTS_AT);
        extra.setAtIndex(ValueLayout.JAVA_LONG, 1, arguments.address());
        extra.setAtIndex(ValueLayout.JAVA_LONG, 2, ARGUMENTS_SIZE);
        extra.setAtIndex(ValueLayout.JAVA_LONG, 3, size.address());
    }

    Launch begin() {
        used = 0;
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
        return put(DeviceMemory.address(tensor, name));
    }

    /** Where a view's first head is, then how many numbers it is to the next row and to the next head. */
    Launch put(String name, HeadView view) {
        return put(DeviceMemory.address(view, name)).put(view.tensor().cols()).put(view.stride());
    }

    void run(Kernel kernel, Grid grid) {
        run(kernel, grid, 0);
    }

    /** @param shared  bytes of shared memory beyond what the kernel declares */
    void run(Kernel kernel, Grid grid, long shared) {
        if (grid.isEmpty()) {
            return;
        }
        device.enter();
        size.set(ValueLayout.JAVA_LONG, 0, used);
        device.driver().launch(kernel.name(), kernel.function(), grid, shared, device.stream(), extra.address());
    }
}
