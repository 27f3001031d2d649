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

    /** A float32 copy serves a single row too. */
    @Override
    public boolean streams() {
        return false;
    }

    @Override
    public void multiplyTwo(
            long at0,
            long at1,
            int count,
            MemorySegment x,
            long xAt,
            MemorySegment acc,
            long accAt,
            MemorySegment scales) {
        throw new UnsupportedOperationException("multiply needs streams()");
    }
}
