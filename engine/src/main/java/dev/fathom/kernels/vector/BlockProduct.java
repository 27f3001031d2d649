package dev.fathom.kernels.vector;

import java.lang.foreign.MemorySegment;

/**
 * y = x Wᵀ for a few weight rows. One row of x is multiplied straight from the stored weights. More rows go by tiles:
 * four weight rows are expanded to float32 once, {@value #COLUMNS} columns at a time so that they stay in the first-level
 * cache, and meet {@value #ROWS} packed rows of x there. Either way the products of {@value #COLUMNS} columns are summed
 * first and those sums then, lanes apart until the end: both ways give the same bits.
 */
final class BlockProduct {
    /** Columns of a block: 16 KiB for four weight rows, 16 KiB for four rows of x. */
    private static final int COLUMNS = 1024;
    /** Rows of x in a block: 256 KiB of packed columns, for the second-level cache. */
    private static final int ROWS = 64;

    private static final int FEW = 8;
    /** Weight rows whose accumulators wait in memory: 64 KiB with ROWS rows of x and 16 lanes. */
    static final int OUTPUTS = 16;

    private BlockProduct() {}

    /** Whether x must be packed: otherwise {@link #single} applies. */
    static boolean packs(WeightTiles weight, int m) {
        return m != 1 || !weight.streams();
    }

    /**
     * One row of x.
     *
     * @param y  column 0 is weight row {@code from}
     */
    static void single(WeightTiles weight, int from, int to, Strided x, Strided y, Workspace workspace) {
        int columns = weight.cols();
        MemorySegment acc = workspace.accumulators.atLeast(Tiles.ROW_BYTES);
        for (int o = from; o < to; o += WeightTiles.HEIGHT) {
            for (int column = 0; column < columns; column += COLUMNS) {
                int count = Math.min(COLUMNS, columns - column);
                if (column == 0) {
                    weight.multiply(o, 0, count, x.data(), x.at(0), acc, workspace);
                } else {
                    weight.multiply(o, column, count, x.data(), x.at(0), workspace.tile, workspace);
                    Tiles.add(1, acc, 0, workspace.tile);
                }
            }
            int outputs = Math.min(WeightTiles.HEIGHT, to - o);
            Tiles.store(1, outputs, acc, 0, workspace.lanes, y.data(), y.at(0) + 4L * (o - from), 0);
        }
    }

    /**
     * Any number of packed rows.
     *
     * @param panels  m rows of x as {@link Panels} packs them
     * @param y       column 0 is weight row {@code from}
     */
    static void packed(
            WeightTiles weight, int from, int to, MemorySegment panels, int m, Strided y, Workspace workspace) {
        // With few rows of x reading the weights is the work, and is fastest along whole rows.
        int outputs = m < FEW ? WeightTiles.HEIGHT : OUTPUTS;
        for (int row = 0; row < m; row += ROWS) {
            for (int o = from; o < to; o += outputs) {
                block(weight, o, Math.min(to, o + outputs), panels, m, row, y.from(0, o - from), workspace);
            }
        }
    }

    /** Outputs [from, to), at most OUTPUTS, of rows [first, first + ROWS) of x. */
    private static void block(
            WeightTiles weight,
            int from,
            int to,
            MemorySegment panels,
            int m,
            int first,
            Strided y,
            Workspace workspace) {
        int columns = Lanes.padded(weight.cols());
        int last = Math.min(m, first + ROWS);
        MemorySegment acc = workspace.accumulators.atLeast((long) ROWS * OUTPUTS * Lanes.BYTES);
        MemorySegment w = workspace.weights.atLeast(4L * WeightTiles.HEIGHT * COLUMNS);
        for (int column = 0; column < columns; column += COLUMNS) {
            int count = Math.min(COLUMNS, columns - column);
            for (int o = from; o < to; o += WeightTiles.HEIGHT) {
                weight.expand(o, column, Math.min(count, weight.cols() - column), w, workspace);
                long waiting = (long) (o - from) / WeightTiles.HEIGHT * ROWS * Tiles.ROW_BYTES;
                int height;
                for (int r = first; r < last; r += height) {
                    height = Tiles.height(m - r);
                    long x = 4L * ((long) r * columns + (long) column * height);
                    long tile = waiting + (long) (r - first) * Tiles.ROW_BYTES;
                    if (column == 0) {
                        Tiles.multiply(height, panels, x, w, 0, count, acc, tile);
                    } else {
                        Tiles.multiply(height, panels, x, w, 0, count, workspace.tile, 0);
                        Tiles.add(height, acc, tile, workspace.tile);
                    }
                }
            }
        }
        for (int o = from; o < to; o += WeightTiles.HEIGHT) {
            long waiting = (long) (o - from) / WeightTiles.HEIGHT * ROWS * Tiles.ROW_BYTES;
            int height;
            for (int r = first; r < last; r += height) {
                height = Tiles.height(m - r);
                long tile = waiting + (long) (r - first) * Tiles.ROW_BYTES;
                int outputs = Math.min(WeightTiles.HEIGHT, to - o);
                long yAt = y.at(r) + 4L * (o - from);
                Tiles.store(height, outputs, acc, tile, workspace.lanes, y.data(), yAt, y.stride());
            }
        }
    }
}
