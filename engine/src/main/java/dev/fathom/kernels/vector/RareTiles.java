package dev.fathom.kernels.vector;

import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.lang.foreign.MemorySegment;

/** Blocks of formats that few files have: decoded one number at a time. The C kernels are the fast ones. */
record RareTiles(BlockMatrix weight) implements BlockTiles {
    @Override
    public void expand(int row, int from, int count, MemorySegment panel, Workspace workspace) {
        for (int r = 0; r < HEIGHT; r++) {
            expandSlowly(Math.min(row + r, rows() - 1), from, count, panel, (long) r * Lanes.BYTES);
        }
    }

    @Override
    public void expandRow(long at, int count, MemorySegment panel, long to, MemorySegment scales) {
        throw new UnsupportedOperationException("rows are not expanded alone");
    }
}
