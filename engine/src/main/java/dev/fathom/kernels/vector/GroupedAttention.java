package dev.fathom.kernels.vector;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.PagedKv;
import java.lang.foreign.MemorySegment;

/**
 * Grouped-query attention over a cache of keys and values. A tile is a few rows of one sequence and the query heads that
 * share one cached head: its (row, head) pairs are treated like rows, and each block of keys and values is expanded to
 * float32 once for all of them.
 *
 * <p>Keys are taken in runs of {@value #RUN} positions, counted from the first. Each run has a softmax of its own; runs
 * are merged in order. So the runs of a long context can be shared out among threads when there are few tiles (one token
 * of one sequence, say), and give the same bits as one thread that goes through them all.
 */
final class GroupedAttention {
    /** Most (row, head) pairs of a tile: enough that expanding the keys is a small part of the work. */
    private static final int PAIRS = 64;

    private static final int FEWEST_PAIRS = 16;
    /** Tiles for each thread when there are enough rows: evens out rows that see few keys and rows that see many. */
    private static final int TILES_PER_THREAD = 4;
    /** Positions of a run: a multiple of a block's. */
    private static final int RUN = 8 * Attention.BLOCK;
    /** Most memory for the results of runs that wait to be merged. */
    private static final long MOST_WAITING_BYTES = 64L << 20;

    private final HeadView query;
    private final AttentionBatch batch;
    private final PagedKv kv;
    private final int layer;
    private final float scale;
    private final HeadView out;

    private final int cachedHeads;
    private final int group;
    private final int keyWidth;
    private final int valueWidth;
    private final int columns;
    private final int rowsPerTile;

    /** @param cachedHeads heads in the cache */
    GroupedAttention(
            HeadView query,
            AttentionBatch batch,
            PagedKv kv,
            int layer,
            float scale,
            HeadView out,
            int cachedHeads,
            int threads) {
        this.query = query;
        this.batch = batch;
        this.kv = kv;
        this.layer = layer;
        this.scale = scale;
        this.out = out;
        this.cachedHeads = cachedHeads;
        group = query.heads() / cachedHeads;
        keyWidth = query.width();
        valueWidth = out.width();
        columns = Lanes.padded(keyWidth);
        int share = Math.ceilDiv(batch.tokens() * query.heads(), TILES_PER_THREAD * threads);
        rowsPerTile = Math.max(1, Math.clamp(share, FEWEST_PAIRS, PAIRS) / group);
    }

    /**
     * Rows [row, rowEnd) of a sequence, and the query heads that read one cached head.
     *
     * @param prefix  position of the sequence's row 0 of this step
     */
    private record Tile(int sequence, int row, int rowEnd, int cachedHead, int prefix) {
        int rows() {
            return rowEnd - row;
        }

        /** Keys that the last row sees. */
        int longest() {
            return prefix + rowEnd;
        }
    }

    /** For each pair of a tile its weighted sum of values [valueWidth] so far, and its softmax state. */
    private record Sums(MemorySegment memory, long valuesAt, long statesAt) {}

    void run(VectorTeam team) {
        int[] firstTile = new int[batch.sequences() + 1];
        long work = 0;
        int longest = 0;
        int mostRows = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            int queries = batch.queries(i);
            firstTile[i + 1] = firstTile[i] + cachedHeads * Math.ceilDiv(queries, rowsPerTile);
            work += (long) queries * query.heads() * batch.contextLength()[i] * (keyWidth + valueWidth);
            longest = Math.max(longest, batch.contextLength()[i]);
            mostRows = Math.max(mostRows, Math.min(queries, rowsPerTile));
        }
        int tiles = firstTile[batch.sequences()];
        int runs = Math.ceilDiv(longest, RUN);
        long waiting = (long) tiles * runs * sumsBytes(mostRows * group);
        if (runs > 1 && tiles < 2 * team.threads() && waiting <= MOST_WAITING_BYTES) {
            attendByRuns(firstTile, runs, mostRows * group, work, team);
        } else {
            team.run(tiles, work, (unit, workspace) -> attend(tile(firstTile, unit), workspace));
        }
    }

    private Tile tile(int[] firstTile, int number) {
        int sequence = 0;
        while (firstTile[sequence + 1] <= number) {
            sequence++;
        }
        int local = number - firstTile[sequence];
        int row = local / cachedHeads * rowsPerTile;
        int rowEnd = Math.min(batch.queries(sequence), row + rowsPerTile);
        return new Tile(sequence, row, rowEnd, local % cachedHeads, batch.prefixLength(sequence));
    }

    private static long statesBytes(int pairs) {
        return (long) pairs * Softmax.STATE_BYTES;
    }

    /** Whole cache lines. */
    private static long lines(long bytes) {
        return (bytes + 63) & -64L;
    }

    private long sumsBytes(int pairs) {
        return lines(statesBytes(pairs)) + lines(4L * pairs * valueWidth);
    }

    /** Sums of so many pairs, in the {@link #sumsBytes} that begin at {@code at}. */
    private static Sums sums(MemorySegment memory, long at, int pairs) {
        return new Sums(memory, at + lines(statesBytes(pairs)), at);
    }

    /** All keys of a tile. */
    private void attend(Tile tile, Workspace workspace) {
        int pairs = tile.rows() * group;
        MemorySegment memory = workspace.sums.atLeast(2 * sumsBytes(pairs));
        Sums all = sums(memory, 0, pairs);
        Sums more = sums(memory, sumsBytes(pairs), pairs);
        MemorySegment queries = pack(tile, workspace);
        for (int from = 0; from < tile.longest(); from += RUN) {
            addRun(tile, from, queries, from == 0 ? all : more, workspace);
            if (from > 0) {
                merge(tile, from, all, more);
            }
        }
        finish(tile, all);
    }

    /** Each run of each tile by itself, then the merging. */
    private void attendByRuns(int[] firstTile, int runs, int pairs, long work, VectorTeam team) {
        int tiles = firstTile[batch.sequences()];
        long each = sumsBytes(pairs);
        MemorySegment memory = team.shared((long) tiles * runs * each);
        team.run(tiles * runs, work, (unit, workspace) -> {
            Tile tile = tile(firstTile, unit / runs);
            int from = unit % runs * RUN;
            if (from < tile.longest()) {
                addRun(tile, from, pack(tile, workspace), sums(memory, (long) unit * each, pairs), workspace);
            }
        });
        team.run(tiles, (long) tiles * runs * pairs * valueWidth, (unit, workspace) -> {
            Tile tile = tile(firstTile, unit);
            Sums all = sums(memory, (long) unit * runs * each, pairs);
            for (int run = 1; run * RUN < tile.longest(); run++) {
                merge(tile, run * RUN, all, sums(memory, ((long) unit * runs + run) * each, pairs));
            }
            finish(tile, all);
        });
    }

    /** The queries of a tile as panels. */
    private MemorySegment pack(Tile tile, Workspace workspace) {
        int pairs = tile.rows() * group;
        MemorySegment panels = workspace.rows.atLeast(Panels.bytes(pairs, keyWidth));
        MemorySegment data = query.tensor().data();
        int height;
        for (int pair = 0; pair < pairs; pair += height) {
            height = Tiles.height(pairs - pair);
            for (int i = 0; i < height; i++) {
                long to = 4L * pair * columns + (long) i * Lanes.BYTES;
                Panels.packRow(data, offset(query, tile, pair + i), keyWidth, panels, to, height);
            }
        }
        return panels;
    }

    /** Byte offset of a pair's head in its row. */
    private long offset(HeadView view, Tile tile, int pair) {
        int row = batch.queryStart()[tile.sequence] + tile.row + pair / group;
        return view.tensor().offset(row, view.column(tile.cachedHead * group + pair % group));
    }

    /** Keys of the sequence that a pair sees. */
    private int seen(Tile tile, int pair) {
        return tile.prefix + tile.row + pair / group + 1;
    }

    /** Keys [from, from + RUN), as far as the tile sees them; what {@code to} held is void. */
    private void addRun(Tile tile, int from, MemorySegment queries, Sums to, Workspace workspace) {
        int pairs = tile.rows() * group;
        to.memory.asSlice(to.valuesAt, 4L * pairs * valueWidth).fill((byte) 0);
        for (int pair = 0; pair < pairs; pair++) {
            Softmax.begin(to.memory, to.statesAt + statesBytes(pair), Float.NEGATIVE_INFINITY);
        }
        MemorySegment keys = workspace.keys.atLeast(4L * Attention.BLOCK * columns);
        MemorySegment values = workspace.values.atLeast(WeightedSum.bytes(valueWidth));
        int runEnd = Math.min(tile.longest(), from + RUN);
        for (int block = from; block < runEnd; block += Attention.BLOCK) {
            int end = Math.min(runEnd, block + Attention.BLOCK);
            expand(tile, block, end, keys, values, workspace);
            int height;
            for (int pair = 0; pair < pairs; pair += height) {
                height = Tiles.height(pairs - pair);
                if (seen(tile, pair + height - 1) > block) {
                    add(tile, block, end, queries, keys, values, pair, height, to, workspace);
                }
            }
        }
    }

    /** Keys [block, end) for a few pairs. */
    private void add(
            Tile tile,
            int block,
            int end,
            MemorySegment queries,
            MemorySegment keys,
            MemorySegment values,
            int pair,
            int height,
            Sums to,
            Workspace workspace) {
        for (int i = 0; i < height; i++) {
            workspace.seen[i] = Math.min(end, seen(tile, pair + i)) - block;
        }
        Attention.add(
                height,
                queries,
                4L * pair * columns,
                columns,
                keys,
                workspace.seen,
                scale,
                to.memory,
                to.statesAt + statesBytes(pair),
                values,
                valueWidth,
                new Strided(to.memory, to.valuesAt + 4L * pair * valueWidth, 4L * valueWidth),
                workspace);
    }

    /** The tile's cached head at positions [from, to). */
    private void expand(Tile tile, int from, int to, MemorySegment keys, MemorySegment values, Workspace workspace) {
        int[] slots = batch.slots()[tile.sequence];
        VectorCache.expand(kv, layer, slots, from, to, tile.cachedHead * keyWidth, keyWidth, keys, workspace);
        int column = cachedHeads * keyWidth + tile.cachedHead * valueWidth;
        VectorCache.packValues(kv, layer, slots, from, to, column, valueWidth, values, workspace);
    }

    /** Joins a run that begins at {@code from} to those before it. */
    private void merge(Tile tile, int from, Sums all, Sums run) {
        for (int pair = 0; pair < tile.rows() * group; pair++) {
            if (seen(tile, pair) > from) {
                long row = 4L * pair * valueWidth;
                long state = statesBytes(pair);
                Softmax.merge(
                        all.memory,
                        all.valuesAt + row,
                        all.statesAt + state,
                        run.memory,
                        run.valuesAt + row,
                        run.statesAt + state,
                        valueWidth);
            }
        }
    }

    private void finish(Tile tile, Sums all) {
        for (int pair = 0; pair < tile.rows() * group; pair++) {
            long row = all.valuesAt + 4L * pair * valueWidth;
            Softmax.normalize(all.memory, row, valueWidth, all.memory, all.statesAt + statesBytes(pair));
            MemorySegment.copy(all.memory, row, out.tensor().data(), offset(out, tile, pair), 4L * valueWidth);
        }
    }
}
