package dev.fathom.kernels.cuda;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import java.util.IdentityHashMap;

/**
 * The slots of a step's batches, checked once. Every layer is given the same batch, which for 128 sequences of 4,096 tokens holds
 * half a million slots: looking at them takes the host longer than attending over them takes the device.
 */
final class CheckedSlots {
    /** Slots of the smallest cache that a batch was checked against. */
    private final IdentityHashMap<AttentionBatch, Integer> fewest = new IdentityHashMap<>();

    /** Batches that come now are new, even if they are the same objects. */
    void forget() {
        fewest.clear();
    }

    /** @throws IllegalArgumentException if a slot is outside the cache */
    void check(String op, AttentionBatch batch, PagedKv kv) {
        if (kv.slots() < fewest.getOrDefault(batch, Integer.MAX_VALUE)) {
            OpShapes.slots(op, batch, kv);
            fewest.put(batch, kv.slots());
        }
    }
}
