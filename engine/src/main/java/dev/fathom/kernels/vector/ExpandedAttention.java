package dev.fathom.kernels.vector;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.RoundedInput;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Expanded attention of one sequence's rows over one chunk of keys. A unit of work is one head of {@value #ROWS} rows; it
 * packs each block of keys and values once for all of them.
 */
final class ExpandedAttention {
    private static final int ROWS = 64;

    private final HeadView query;
    private final int firstQuery;
    private final HeadView keysValues;
    private final Tensor ropeKeys;
    private final int firstKey;
    private final float scale;
    private final HeadView out;
    private final Tensor logSumExp;

    private final int nope;
    private final int valueWidth;
    private final int columns;

    ExpandedAttention(
            HeadView query,
            int firstQuery,
            HeadView keysValues,
            Tensor ropeKeys,
            int firstKey,
            float scale,
            HeadView out,
            Tensor logSumExp) {
        this.query = query;
        this.firstQuery = firstQuery;
        this.keysValues = keysValues;
        this.ropeKeys = ropeKeys;
        this.firstKey = firstKey;
        this.scale = scale;
        this.out = out;
        this.logSumExp = logSumExp;
        nope = query.width() - ropeKeys.cols();
        valueWidth = out.width();
        columns = Lanes.padded(query.width());
    }

    void run(VectorTeam team) {
        int chunks = Math.ceilDiv(query.rows(), ROWS);
        long work = (long) query.rows() * query.heads() * ropeKeys.rows() * (query.width() + valueWidth);
        team.run(chunks * query.heads(), work, (unit, workspace) -> {
            // Last rows first: they see the most keys.
            int row = (chunks - 1 - unit / query.heads()) * ROWS;
            attend(row, Math.min(query.rows(), row + ROWS), unit % query.heads(), workspace);
        });
    }

    /** Keys of the chunk that a row sees. */
    private int seen(int row) {
        return Math.clamp((long) firstQuery + row - firstKey + 1, 0, ropeKeys.rows());
    }

    private void attend(int row, int rowEnd, int head, Workspace workspace) {
        int rows = rowEnd - row;
        int longest = seen(rowEnd - 1);
        if (longest == 0) {
            return;
        }
        MemorySegment panels = workspace.rows.atLeast(Panels.bytes(rows, columns));
        MemorySegment states = workspace.softmax.atLeast((long) rows * Softmax.STATE_BYTES);
        Panels.pack(Strided.ofHead(query, head).from(row, 0), query.width(), 0, rows, rows, panels, RoundedInput.NONE);
        Strided to = Strided.ofHead(out, head).from(row, 0);
        for (int r = 0; r < rows; r++) {
            float before = logSumExp.get(row + r, head);
            Softmax.begin(states, (long) r * Softmax.STATE_BYTES, before);
            if (before == Float.NEGATIVE_INFINITY && seen(row + r) > 0) {
                to.row(r, valueWidth).fill((byte) 0);
            }
        }
        for (int block = 0; block < longest; block += Attention.BLOCK) {
            int end = Math.min(longest, block + Attention.BLOCK);
            pack(head, block, end, workspace);
            int height;
            for (int r = 0; r < rows; r += height) {
                height = Tiles.height(rows - r);
                if (seen(row + r + height - 1) > block) {
                    add(row + r, height, block, end, r, panels, states, to.from(r, 0), workspace);
                }
            }
        }
        for (int r = 0; r < rows; r++) {
            if (seen(row + r) > 0) {
                long state = (long) r * Softmax.STATE_BYTES;
                Softmax.normalize(to.data(), to.at(r), valueWidth, states, state);
                logSumExp.set(row + r, head, Softmax.logSumExp(states, state));
            }
        }
    }

    private MemorySegment keys(Workspace workspace) {
        return workspace.keys.atLeast(4L * Attention.BLOCK * columns);
    }

    private MemorySegment values(Workspace workspace) {
        return workspace.values.atLeast(WeightedSum.bytes(valueWidth));
    }

    /** Keys [from, to) of a head as panels of four, each [nope | rope]; their values likewise. */
    private void pack(int head, int from, int to, Workspace workspace) {
        Strided rows = Strided.ofHead(keysValues, head);
        MemorySegment plain = workspace.plain.atLeast(4L * query.width());
        MemorySegment keys = keys(workspace);
        MemorySegment values = values(workspace);
        int rope = ropeKeys.cols();
        for (int k = from; k < Math.ceilDiv(to - from, 4) * 4 + from; k++) {
            // Keys that fill up the last panel repeat the last one; their scores are not used.
            int key = Math.min(k, to - 1);
            long panel = 4L * ((k - from) & -4);
            long lane = (long) ((k - from) & 3) * Lanes.BYTES;
            long ropeAt = 4L * key * rope;
            if (nope % Lanes.COUNT == 0) {
                F32Tiles.expandRow(rows.data(), rows.at(key), nope, keys, panel * columns + lane);
                F32Tiles.expandRow(ropeKeys.data(), ropeAt, rope, keys, panel * columns + 16L * nope + lane);
            } else {
                MemorySegment.copy(rows.data(), rows.at(key), plain, 0, 4L * nope);
                MemorySegment.copy(ropeKeys.data(), ropeAt, plain, 4L * nope, 4L * rope);
                F32Tiles.expandRow(plain, 0, query.width(), keys, panel * columns + lane);
            }
            if (k < to) {
                WeightedSum.pack(rows.data(), rows.at(key) + 4L * nope, valueWidth, values, k - from);
            }
        }
    }

    /**
     * Adds keys [block, end) to a tile of rows.
     *
     * @param row    first row of the tile
     * @param local  the same, counted from the first packed row
     */
    private void add(
            int row,
            int height,
            int block,
            int end,
            int local,
            MemorySegment panels,
            MemorySegment states,
            Strided to,
            Workspace workspace) {
        int[] seen = workspace.seen;
        for (int i = 0; i < height; i++) {
            seen[i] = Math.min(end, seen(row + i)) - block;
        }
        Attention.add(
                height,
                panels,
                4L * local * columns,
                columns,
                keys(workspace),
                seen,
                scale,
                states,
                (long) local * Softmax.STATE_BYTES,
                values(workspace),
                valueWidth,
                to,
                workspace);
    }
}
