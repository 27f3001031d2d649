package dev.fathom.kernels.vector;

import dev.fathom.kernels.HeadView;
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
    private final int valueColumns;

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
        valueColumns = Lanes.padded(valueWidth);
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

    private static MemorySegment state(MemorySegment states, int row) {
        return states.asSlice((long) row * Attention.STATE_BYTES, Attention.STATE_BYTES);
    }

    private void attend(int row, int rowEnd, int head, Workspace workspace) {
        int rows = rowEnd - row;
        int longest = seen(rowEnd - 1);
        if (longest == 0) {
            return;
        }
        MemorySegment panels = workspace.rows.atLeast(Panels.bytes(rows, columns));
        MemorySegment keys = workspace.keys.atLeast(4L * Attention.BLOCK * columns);
        MemorySegment values = workspace.values.atLeast(4L * Attention.BLOCK * valueColumns);
        MemorySegment states = workspace.softmax.atLeast((long) rows * Attention.STATE_BYTES);
        Panels.pack(Strided.ofHead(query, head).from(row, 0), query.width(), 0, rows, rows, panels);
        Strided to = Strided.ofHead(out, head).from(row, 0);
        for (int r = 0; r < rows; r++) {
            float before = logSumExp.get(row + r, head);
            if (before != Float.NEGATIVE_INFINITY) {
                Attention.resume(state(states, r), before, 1);
            } else {
                Attention.begin(state(states, r));
                if (seen(row + r) > 0) {
                    to.row(r, valueWidth).fill((byte) 0);
                }
            }
        }
        for (int block = 0; block < longest; block += Attention.BLOCK) {
            int end = Math.min(longest, block + Attention.BLOCK);
            pack(head, block, end, keys, values, workspace);
            int height;
            for (int r = 0; r < rows; r += height) {
                height = Tiles.height(rows - r);
                MemorySegment queries = panels.asSlice(4L * r * columns, 4L * height * columns);
                add(
                        row + r,
                        height,
                        block,
                        end,
                        queries,
                        keys,
                        values,
                        states.asSlice((long) r * Attention.STATE_BYTES),
                        to.from(r, 0),
                        workspace);
            }
        }
        for (int r = 0; r < rows; r++) {
            if (seen(row + r) > 0) {
                Attention.divide(to.row(r, valueWidth), valueWidth, Attention.sum(state(states, r)));
                logSumExp.set(row + r, head, Attention.logSumExp(state(states, r)));
            }
        }
    }

    /** Keys [from, to) of a head as panels of four, each [nope | rope]; their values likewise. */
    private void pack(int head, int from, int to, MemorySegment keys, MemorySegment values, Workspace workspace) {
        Strided rows = Strided.ofHead(keysValues, head);
        MemorySegment plain = workspace.plain.atLeast(4L * query.width());
        int rope = ropeKeys.cols();
        for (int k = from; k < to; k += 4) {
            MemorySegment panel = keys.asSlice(4L * (k - from) * columns, 16L * columns);
            MemorySegment valuePanel = values.asSlice(4L * (k - from) * valueColumns, 16L * valueColumns);
            for (int i = 0; i < 4; i++) {
                // Keys that fill up the last panel repeat the last one; their scores are not used.
                int key = Math.min(k + i, to - 1);
                MemorySegment row = rows.row(key, nope + valueWidth);
                MemorySegment ropeRow = ropeKeys.data().asSlice(4L * key * rope, 4L * rope);
                long at = (long) i * Lanes.BYTES;
                if (nope % Lanes.COUNT == 0) {
                    Panels.packRow(row, nope, panel, at, 16);
                    Panels.packRow(ropeRow, rope, panel, at + 16L * nope, 16);
                } else {
                    MemorySegment.copy(row, 0, plain, 0, 4L * nope);
                    MemorySegment.copy(ropeRow, 0, plain, 4L * nope, 4L * rope);
                    Panels.packRow(plain.asSlice(0, 4L * query.width()), query.width(), panel, at, 16);
                }
                Panels.packRow(row.asSlice(4L * nope), valueWidth, valuePanel, at, 16);
            }
        }
    }

    /** Adds keys [block, end) to a tile of rows. */
    private void add(
            int row,
            int height,
            int block,
            int end,
            MemorySegment queries,
            MemorySegment keys,
            MemorySegment values,
            MemorySegment states,
            Strided to,
            Workspace workspace) {
        int most = Math.min(end, seen(row + height - 1)) - block;
        if (most <= 0) {
            return;
        }
        MemorySegment scores = workspace.scores.atLeast(4L * Attention.SCORE_STRIDE);
        Attention.scores(height, queries, columns, most, keys, scores, workspace);
        // Rows of a tile see different numbers of keys at the diagonal: what all see goes together, the rest row by
        // row.
        int common = Math.max(0, Math.min(end, seen(row)) - block);
        for (int i = 0; i < height; i++) {
            int count = Math.min(end, seen(row + i)) - block;
            if (count > 0) {
                MemorySegment rowScores = scores.asSlice((long) i * Attention.SCORE_STRIDE, Attention.SCORE_STRIDE);
                Attention.softmax(rowScores, count, scale, state(states, i));
            }
        }
        long panelBytes = 16L * valueColumns;
        if (common > 0) {
            Attention.addValues(height, scores, states, 0, common, values, panelBytes, valueWidth, to);
        }
        for (int i = 0; i < height; i++) {
            int count = Math.min(end, seen(row + i)) - block;
            if (count > common) {
                if (common > 0) {
                    Attention.keepAll(state(states, i));
                }
                MemorySegment rowScores = scores.asSlice((long) i * Attention.SCORE_STRIDE, Attention.SCORE_STRIDE);
                Attention.addValues(
                        1, rowScores, state(states, i), common, count, values, panelBytes, valueWidth, to.from(i, 0));
            }
        }
    }
}
