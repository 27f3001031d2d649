package dev.fathom.kernels.vector;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RoundedInput;
import java.lang.foreign.MemorySegment;

/**
 * Absorbed attention over the latent cache. A unit of work is a few heads of a few rows of one sequence; it expands each
 * block of cache rows to float32 once for all of them.
 */
final class LatentAttention {
    /** (row, head) pairs of a unit: enough that expanding the keys is a small part of the work. */
    private static final int PAIRS = 64;

    private static final int FEWEST_HEADS = 8;

    private final HeadView query;
    private final AttentionBatch batch;
    private final PagedKv kv;
    private final int layer;
    private final float scale;
    private final HeadView out;

    private final int width;
    private final int columns;
    private final int headsPerUnit;
    private final int rowsPerUnit;

    LatentAttention(
            HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out, int threads) {
        this.query = query;
        this.batch = batch;
        this.kv = kv;
        this.layer = layer;
        this.scale = scale;
        this.out = out;
        width = kv.shape().latentWidth();
        columns = Lanes.padded(kv.shape().rowWidth());
        int share = Math.ceilDiv(batch.tokens() * query.heads(), threads);
        int wanted = Math.clamp(share, FEWEST_HEADS, PAIRS);
        headsPerUnit = Math.min(query.heads(), Math.ceilDiv(wanted, 4) * 4);
        rowsPerUnit = Math.max(1, PAIRS / headsPerUnit);
    }

    void run(VectorTeam team) {
        int groups = Math.ceilDiv(query.heads(), headsPerUnit);
        int[] firstUnit = new int[batch.sequences() + 1];
        long work = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            firstUnit[i + 1] = firstUnit[i] + groups * Math.ceilDiv(batch.queries(i), rowsPerUnit);
            work += 2L * batch.queries(i) * query.heads() * batch.contextLength()[i] * columns;
        }
        team.run(firstUnit[batch.sequences()], work, (unit, workspace) -> {
            int sequence = 0;
            while (firstUnit[sequence + 1] <= unit) {
                sequence++;
            }
            int local = unit - firstUnit[sequence];
            int row = local / groups * rowsPerUnit;
            int head = local % groups * headsPerUnit;
            attend(
                    sequence,
                    row,
                    Math.min(batch.queries(sequence), row + rowsPerUnit),
                    head,
                    Math.min(query.heads(), head + headsPerUnit),
                    workspace);
        });
    }

    /** Rows [row, rowEnd) of a sequence, heads [head, headEnd). */
    private void attend(int sequence, int row, int rowEnd, int head, int headEnd, Workspace workspace) {
        int heads = headEnd - head;
        int pairs = (rowEnd - row) * heads;
        MemorySegment panels = workspace.rows.atLeast(4L * pairs * columns);
        MemorySegment keys = workspace.keys.atLeast(4L * Attention.BLOCK * columns);
        MemorySegment values = workspace.values.atLeast(WeightedSum.bytes(width));
        MemorySegment states = workspace.softmax.atLeast((long) pairs * Softmax.STATE_BYTES);
        int first = batch.queryStart()[sequence];
        int position = batch.prefixLength(sequence);
        for (int r = row; r < rowEnd; r++) {
            begin(first + r, head, heads, (r - row) * heads, panels, states);
        }
        int longest = position + rowEnd;
        for (int block = 0; block < longest; block += Attention.BLOCK) {
            int end = Math.min(longest, block + Attention.BLOCK);
            VectorCache.expand(
                    kv,
                    layer,
                    batch.slots()[sequence],
                    block,
                    end,
                    0,
                    kv.shape().rowWidth(),
                    keys,
                    workspace);
            WeightedSum.packFromKeys(keys, columns, end - block, width, values);
            for (int r = row; r < rowEnd; r++) {
                int seen = Math.min(end, position + r + 1) - block;
                if (seen > 0) {
                    add(first + r, head, heads, (r - row) * heads, seen, panels, keys, values, states, workspace);
                }
            }
        }
        for (int r = row; r < rowEnd; r++) {
            Strided to = heads(out, first + r, head);
            for (int h = 0; h < heads; h++) {
                long state = (long) ((r - row) * heads + h) * Softmax.STATE_BYTES;
                Softmax.normalize(to.data(), to.at(h), width, states, state);
            }
        }
    }

    /** Heads as rows: those of one token from {@code head} on. */
    private static Strided heads(HeadView view, int token, int head) {
        return new Strided(view.tensor().data(), view.tensor().offset(token, view.column(head)), 4L * view.stride());
    }

    private void begin(int token, int head, int heads, int pair, MemorySegment panels, MemorySegment states) {
        MemorySegment mine = panels.asSlice(4L * pair * columns, 4L * heads * columns);
        Panels.pack(heads(query, token, head), kv.shape().rowWidth(), 0, heads, heads, mine, RoundedInput.NONE);
        Strided to = heads(out, token, head);
        for (int h = 0; h < heads; h++) {
            Softmax.begin(states, (long) (pair + h) * Softmax.STATE_BYTES, Float.NEGATIVE_INFINITY);
            to.row(h, width).fill((byte) 0);
        }
    }

    /** Adds the first {@code seen} keys of a block to what a token's heads have so far. */
    private void add(
            int token,
            int head,
            int heads,
            int pair,
            int seen,
            MemorySegment panels,
            MemorySegment keys,
            MemorySegment values,
            MemorySegment states,
            Workspace workspace) {
        MemorySegment scores = workspace.scores.atLeast(4L * Attention.SCORE_STRIDE);
        Strided to = heads(out, token, head);
        int height;
        for (int h = 0; h < heads; h += height) {
            height = Tiles.height(heads - h);
            Attention.scores(height, panels, 4L * (pair + h) * columns, columns, seen, keys, scores, workspace);
            long state = (long) (pair + h) * Softmax.STATE_BYTES;
            for (int i = 0; i < height; i++) {
                long at = (long) i * Attention.SCORE_STRIDE;
                long mine = state + (long) i * Softmax.STATE_BYTES;
                Softmax.apply(scores, at, seen, scale, states, mine);
                Softmax.rescale(to.data(), to.at(h + i), width, states, mine);
            }
            WeightedSum.add(height, scores, 0, 0, seen, values, width, to.from(h, 0));
        }
    }
}
