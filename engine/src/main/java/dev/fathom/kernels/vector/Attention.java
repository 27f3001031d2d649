package dev.fathom.kernels.vector;

import java.lang.foreign.MemorySegment;

/**
 * What both attention forms share: the size of a block of keys, and the scores of a tile of queries against one. Blocks are
 * counted from the first key: what a row gets does not depend on the rows beside it.
 */
final class Attention {
    /** Keys in a block: their float32 copy (147 KiB for 576 columns) stays in the second-level cache. */
    static final int BLOCK = 64;

    /** Bytes from one row of scores to the next. */
    static final int SCORE_STRIDE = 4 * BLOCK;

    private Attention() {}

    /**
     * Scores of {@code height} queries for keys [0, keys), and up to three unspecified ones behind them.
     *
     * @param queries  panel [columns / COUNT, height, COUNT] from byte queriesAt on
     * @param keys     number of keys, at most BLOCK
     * @param panels   key panels [ceil(keys / 4)][columns / COUNT, 4, COUNT]
     * @param scores   [height, BLOCK]
     */
    static void scores(
            int height,
            MemorySegment queries,
            long queriesAt,
            int columns,
            int keys,
            MemorySegment panels,
            MemorySegment scores,
            Workspace workspace) {
        MemorySegment tile = workspace.tile;
        for (int k = 0; k < keys; k += 4) {
            long panel = 4L * k * columns;
            Tiles.multiply(height, queries, queriesAt, panels, panel, columns, tile, 0);
            Tiles.store(height, 4, tile, 0, workspace.lanes, scores, 4L * k, SCORE_STRIDE);
        }
    }
}
