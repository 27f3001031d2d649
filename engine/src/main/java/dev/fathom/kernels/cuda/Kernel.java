package dev.fathom.kernels.cuda;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A kernel in a loaded module, or a call of a library that launches some.
 *
 * @param function  the driver's CUfunction; of a call, a number that no other call has
 * @param call      null for a kernel
 */
record Kernel(String name, long function, @Nullable Call call) {
    /** Launches kernels in the device's stream. */
    @FunctionalInterface
    interface Call {
        /** @param arguments  eight bytes each */
        void make(MemorySegment arguments);
    }

    Kernel(String name, long function) {
        this(name, function, null);
    }
}
