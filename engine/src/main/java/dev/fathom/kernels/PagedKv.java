package dev.fathom.kernels;

import dev.fathom.tensor.LazyMemory;
import dev.fathom.tensor.MemorySource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of the key-value cache: for each layer [slots, rowWidth] in one format. A slot holds one token; which sequence
 * a slot belongs to is the business of whoever hands out slots.
 *
 * @param layers  one segment per layer, slots * rowBytes long, 64-byte aligned
 */
public record PagedKv(KvShape shape, KvFormat format, int slots, List<MemorySegment> layers) {
    public PagedKv {
        layers = List.copyOf(layers);
    }

    /** Host memory from {@code arena}, zeroed lazily by the operating system. */
    public static PagedKv allocate(KvShape shape, KvFormat format, int slots, Arena arena) {
        return allocate(shape, format, slots, arena, LazyMemory::allocate);
    }

    /** Memory that a backend's operations work on. */
    public static PagedKv allocate(KvShape shape, KvFormat format, int slots, Arena arena, KernelBackend kernels) {
        return allocate(shape, format, slots, arena, kernels::allocate);
    }

    private static PagedKv allocate(KvShape shape, KvFormat format, int slots, Arena arena, MemorySource memory) {
        List<MemorySegment> layers = new ArrayList<>();
        long bytes = Math.multiplyExact(slots, format.rowBytes(shape));
        for (int layer = 0; layer < shape.layers(); layer++) {
            layers.add(memory.allocate(bytes, arena));
        }
        return new PagedKv(shape, format, slots, layers);
    }

    public MemorySegment layer(int layer) {
        return layers.get(layer);
    }

    public long rowBytes() {
        return format.rowBytes(shape);
    }
}
