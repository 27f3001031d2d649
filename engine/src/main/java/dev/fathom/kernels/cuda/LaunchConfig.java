package dev.fathom.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A CUlaunchConfig and its one attribute, written anew for every launch. */
final class LaunchConfig {
    private static final long BYTES = 56;
    private static final long ATTRIBUTE_BYTES = 72;
    private static final long SHARED_AT = 24;
    private static final long STREAM_AT = 32;
    private static final long ATTRIBUTES_AT = 40;
    private static final long COUNT_AT = 48;

    /** CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION: blocks are put into place while the launch before still runs. */
    private static final int OVERLAP = 6;

    private static final long VALUE_AT = 8;

    private final MemorySegment config;

    /** @param overlap  whether kernels wait by themselves for the launch before, as they do from compute capability 9.0 on */
    LaunchConfig(long stream, boolean overlap, Arena arena) {
        config = arena.allocate(BYTES, 8);
        config.set(ValueLayout.JAVA_LONG, STREAM_AT, stream);
        MemorySegment attribute = arena.allocate(ATTRIBUTE_BYTES, 8);
        attribute.set(ValueLayout.JAVA_INT, 0, OVERLAP);
        attribute.set(ValueLayout.JAVA_INT, VALUE_AT, 1);
        config.set(ValueLayout.JAVA_LONG, ATTRIBUTES_AT, attribute.address());
        config.set(ValueLayout.JAVA_INT, COUNT_AT, overlap ? 1 : 0);
    }

    /** Address of the struct for a grid, until the next call. */
    long of(Grid grid, long shared) {
        int[] numbers = {(int) grid.x(), (int) grid.y(), (int) grid.z(), grid.threads(), 1, 1, (int) shared};
        MemorySegment.copy(
                numbers, 0, config, ValueLayout.JAVA_INT, SHARED_AT - 4L * (numbers.length - 1), numbers.length);
        return config.address();
    }
}
