package dev.fathom.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A mapped file as memory of no special kind. The JDK has one class for mapped memory and one for allocated memory; a kernel in
 * Java that meets both, because some weights are made at load, is compiled for either at every access, several times slower.
 */
final class PlainMemory {
    private PlainMemory() {}

    /**
     * @param memory  mapped, or not
     * @param arena   that it was mapped in, or is kept alive by
     * @return the same bytes, which are void once the arena is closed, as before
     */
    static MemorySegment of(MemorySegment memory, Arena arena) {
        if (!memory.isMapped()) {
            return memory;
        }
        return MemorySegment.ofAddress(memory.address())
                .reinterpret(memory.byteSize(), arena, null)
                .asReadOnly();
    }
}
