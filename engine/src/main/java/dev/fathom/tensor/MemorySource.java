package dev.fathom.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where memory for tensors comes from. */
@FunctionalInterface
public interface MemorySource {
    /** At least 64-byte aligned memory, freed when {@code arena} closes. */
    MemorySegment allocate(long bytes, Arena arena);
}
