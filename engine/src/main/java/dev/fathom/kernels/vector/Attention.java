package dev.fathom.kernels.vector;

import java.lang.foreign.MemorySegment;

/**
 * What all kinds of attention share: the size of a block of keys, and what a tile of queries does with one. Blocks are
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

    /**
     * Adds a block's keys to a tile of rows, each of which sees its own number of them: scores, their softmax with what
     * came before, and the values they weigh.
     *
     * @param queries  as {@link #scores} takes them
     * @param keys     key panels of the block
     * @param seen     keys of the block that each row sees, ascending; a row may see none
     * @param states   a softmax state for each row, from byte stateAt on
     * @param values   of the block, as {@link WeightedSum} packs them
     * @param to       row 0 of the tile: what the rows have so far
     */
    static void add(
            int height,
            MemorySegment queries,
            long queriesAt,
            int columns,
            MemorySegment keys,
            int[] seen,
            float scale,
            MemorySegment states,
            long stateAt,
            MemorySegment values,
            int valueWidth,
            Strided to,
            Workspace workspace) {
        MemorySegment scores = workspace.scores.atLeast(4L * SCORE_STRIDE);
        scores(height, queries, queriesAt, columns, seen[height - 1], keys, scores, workspace);
        for (int i = 0; i < height; i++) {
            if (seen[i] > 0) {
                long state = stateAt + (long) i * Softmax.STATE_BYTES;
                Softmax.apply(scores, (long) i * SCORE_STRIDE, seen[i], scale, states, state);
                Softmax.rescale(to.data(), to.at(i), valueWidth, states, state);
            }
        }
        // Rows of a tile see different numbers of keys at the diagonal: what all see goes together, the rest row by
        // row.
        int common = Math.max(0, seen[0]);
        if (common > 0) {
            WeightedSum.add(height, scores, 0, 0, common, values, valueWidth, to);
        }
        for (int i = 0; i < height; i++) {
            if (seen[i] > common) {
                WeightedSum.add(1, scores, (long) i * SCORE_STRIDE, common, seen[i], values, valueWidth, to.from(i, 0));
            }
        }
    }
}
