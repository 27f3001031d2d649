package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Device memory as segments: they have an address, a size and slices, but belong to an arena that is closed, so that a host
 * that reads or writes them gets an exception rather than a crash.
 */
final class DeviceMemory {
    private static final MemorySegment EVERYTHING = everything();

    private DeviceMemory() {}

    private static MemorySegment everything() {
        try (Arena arena = Arena.ofConfined()) {
            return MemorySegment.NULL.reinterpret(Long.MAX_VALUE, arena, null);
        }
    }

    static MemorySegment at(long address, long bytes) {
        return EVERYTHING.asSlice(address, bytes);
    }

    static boolean holds(MemorySegment memory) {
        return memory.scope().equals(EVERYTHING.scope());
    }

    /** @throws IllegalArgumentException naming the argument, if the memory is the host's */
    static long address(MemorySegment memory, String argument) {
        if (!holds(memory)) {
            throw new IllegalArgumentException(
                    argument + ": memory of the device is wanted (KernelBackend.allocate, place), got the host's");
        }
        return memory.address();
    }

    static long address(Tensor tensor, String argument) {
        return address(tensor.data(), argument);
    }

    /** Of the first number of the first head. */
    static long address(HeadView view, String argument) {
        return address(view.tensor(), argument) + 4L * view.column(0);
    }
}
