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
 * @param layers     one segment per layer, slots * rowBytes long, 64-byte aligned
 * @param indexKeys  one segment per layer of [slots, indexWidth], in {@link KvFormat#ofIndex}; none where the model has
 *                   no index
 */
public record PagedKv(
        KvShape shape, KvFormat format, int slots, List<MemorySegment> layers, List<MemorySegment> indexKeys) {
    public PagedKv {
        layers = List.copyOf(layers);
        indexKeys = List.copyOf(indexKeys);
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
        List<MemorySegment> layers = rows(shape, format, slots, arena, memory);
        List<MemorySegment> indexKeys =
                shape.indexWidth() == 0 ? List.of() : rows(shape.index(), format.ofIndex(), slots, arena, memory);
        return new PagedKv(shape, format, slots, layers, indexKeys);
    }

    private static List<MemorySegment> rows(
            KvShape shape, KvFormat format, int slots, Arena arena, MemorySource memory) {
        List<MemorySegment> layers = new ArrayList<>();
        long bytes = Math.multiplyExact(slots, format.rowBytes(shape));
        for (int layer = 0; layer < shape.layers(); layer++) {
            layers.add(memory.allocate(bytes, arena));
        }
        return layers;
    }

    /** The index's keys as a cache of their own: the same slots, rows of indexWidth. */
    public PagedKv index() {
        return new PagedKv(shape.index(), format.ofIndex(), slots, indexKeys, List.of());
    }

    public MemorySegment layer(int layer) {
        return layers.get(layer);
    }

    public long rowBytes() {
        return format.rowBytes(shape);
    }
}
