package dev.fathom.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandleProxies;

/**
 * Large zeroed memory that costs nothing until it is touched. {@link Arena#allocate} writes zeros to every page at once
 * and counts towards the JVM's limit for direct memory; for a cache of many gigabytes, of which a quiet server uses
 * little, both are wrong. The C library's {@code calloc} takes fresh pages from the operating system instead.
 */
public final class LazyMemory {
    private static final long ALIGNMENT = 64;

    private LazyMemory() {}

    /**
     * @param bytes  more than 0
     * @param arena  whose end frees it
     * @return 64-byte aligned zeros
     * @throws OutOfMemoryError if the operating system refuses
     */
    public static MemorySegment allocate(long bytes, Arena arena) {
        Linker linker = Linker.nativeLinker();
        Calloc calloc = MethodHandleProxies.asInterfaceInstance(
                Calloc.class,
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("calloc"),
                        FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG)));
        Free free = MethodHandleProxies.asInterfaceInstance(
                Free.class,
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("free"), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS)));
        long size = Math.addExact(bytes, ALIGNMENT);
        MemorySegment start = calloc.call(1, size);
        if (start.address() == 0) {
            throw new OutOfMemoryError("the operating system refused " + bytes + " bytes of memory");
        }
        MemorySegment block = start.reinterpret(size, arena, free::call);
        return block.asSlice(-block.address() & (ALIGNMENT - 1), bytes);
    }

    /** C's calloc. Public because the proxy's class lives outside this package. */
    @FunctionalInterface
    public interface Calloc {
        MemorySegment call(long count, long size);
    }

    /** C's free. */
    @FunctionalInterface
    public interface Free {
        void call(MemorySegment memory);
    }
}
