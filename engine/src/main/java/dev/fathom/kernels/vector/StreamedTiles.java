package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;

import java.lang.foreign.MemorySegment;

/** Blocks that a single row of x meets as they are stored, without a float32 copy of them. */
sealed interface StreamedTiles extends BlockTiles permits Q4Tiles, Q5Tiles, Q8Tiles, Q4KTiles, Q5KTiles, Q6KTiles {
    @Override
    default boolean streams() {
        return COUNT > 4;
    }

    /** Two rows at a time: their chains of additions are as fast as the unpacking, and four would be too much code. */
    @Override
    default void multiply(
            int row, int from, int count, MemorySegment x, long xAt, MemorySegment acc, Workspace workspace) {
        long rowAt = xAt + 4L * from;
        multiplyTwo(at(row, from), at(row + 1, from), count, x, rowAt, acc, 0, workspace.scales);
        multiplyTwo(at(row + 2, from), at(row + 3, from), count, x, rowAt, acc, 2L * BYTES, workspace.scales);
    }

    /**
     * Products of columns of two rows with as many numbers of x.
     *
     * @param at0     byte offset of the first row's first block
     * @param at1     byte offset of the second row's first block
     * @param count   columns, whole blocks
     * @param acc     two vectors from byte accAt on, overwritten
     * @param scales  room for the scales of {@code count} columns of two rows
     */
    void multiplyTwo(
            long at0,
            long at1,
            int count,
            MemorySegment x,
            long xAt,
            MemorySegment acc,
            long accAt,
            MemorySegment scales);
}
