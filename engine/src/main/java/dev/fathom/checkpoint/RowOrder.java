package dev.fathom.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What a GGUF converter did to the order of rows. For llama it lays the two halves of each head's queries and keys, which
 * rope turns in pairs, side by side: row 2 i + h of a head is row h * size / 2 + i of the published weight. Rows are moved
 * back whole, so that it works in every format. DeepSeek's weights, whose pairs are neighbours as published, stay as they
 * are.
 *
 * @param heads          heads of q_proj; 0 where nothing was moved
 * @param keyValueHeads  heads of k_proj
 */
record RowOrder(int heads, int keyValueHeads) {
    /** Every row is where it was published. */
    static final RowOrder AS_PUBLISHED = new RowOrder(0, 0);

    /** A weight's rows in published order: the same memory, or a copy in {@code arena}. */
    MemorySegment published(String name, MemorySegment data, int rows, Arena arena) {
        int moved = name.endsWith(".self_attn.q_proj.weight")
                ? heads
                : name.endsWith(".self_attn.k_proj.weight") ? keyValueHeads : 0;
        if (moved == 0) {
            return data;
        }
        if (rows % (2 * moved) != 0) {
            throw new CheckpointException(
                    name + " has " + rows + " rows, which are not " + moved + " heads of pairs; download it again.");
        }
        int half = rows / moved / 2;
        long rowBytes = data.byteSize() / rows;
        MemorySegment copy = arena.allocate(data.byteSize(), 64);
        for (int row = 0; row < rows; row++) {
            int inHead = row % (2 * half);
            int from = row - inHead + inHead % half * 2 + inHead / half;
            MemorySegment.copy(data, from * rowBytes, copy, row * rowBytes, rowBytes);
        }
        return copy.asReadOnly();
    }
}
