package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.ChosenTokens;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RoundedInput;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * What the index thinks of every token a row sees. A unit of work is some keys for one row: it expands each block of them
 * to float32 and multiplies it with all heads of the row.
 */
final class IndexScores {
    /** Keys of a unit, in whole blocks: packing a row's queries is a small part of the work. */
    private static final int KEYS = 4 * Attention.BLOCK;

    /** Scores that are kept at a time (64 MiB): so many rows are done together. */
    private static final long MOST_SCORES = 1 << 24;

    private final HeadView query;
    private final Tensor weights;
    private final AttentionBatch batch;
    private final PagedKv index;
    private final int layer;
    private final int columns;
    private final ChosenTokens chosen;
    private final int longest;
    private final int stride;
    private MemorySegment scores = MemorySegment.NULL;

    IndexScores(HeadView query, Tensor weights, AttentionBatch batch, PagedKv index, int layer, ChosenTokens chosen) {
        this.query = query;
        this.weights = weights;
        this.batch = batch;
        this.index = index;
        this.layer = layer;
        columns = Lanes.padded(query.width());
        this.chosen = chosen;
        longest = Arrays.stream(batch.contextLength()).max().orElse(0);
        stride = Math.ceilDiv(longest, KEYS) * KEYS;
    }

    /** Rows whose scores {@link #memory} holds together. */
    int rowsTogether() {
        return (int) Math.max(1, MOST_SCORES / stride);
    }

    int longest() {
        return longest;
    }

    MemorySegment memory() {
        return scores;
    }

    /** Where the scores of a row are, counted from the first row that was computed. */
    long at(int row) {
        return 4L * row * stride;
    }

    /** Scores of rows [from, to) that have to choose. */
    void compute(int from, int to, VectorTeam team) {
        scores = team.shared(at(to - from));
        int units = stride / KEYS;
        long work = (long) (to - from) * longest * query.heads() * columns;
        team.run((to - from) * units, work, (unit, workspace) -> {
            int row = from + unit / units;
            int first = unit % units * KEYS;
            int end = Math.min(chosen.seen(row), first + KEYS);
            if (first < end && chosen.isChoice(chosen.seen(row))) {
                score(row, first, end, at(row - from), workspace);
            }
        });
    }

    /** Keys [first, end) for all heads of a row. */
    private void score(int row, int first, int end, long to, Workspace workspace) {
        int heads = query.heads();
        MemorySegment panels = workspace.rows.atLeast(4L * heads * columns);
        MemorySegment keys = workspace.keys.atLeast(4L * Attention.BLOCK * columns);
        MemorySegment products = workspace.scores.atLeast(4L * Attention.SCORE_STRIDE);
        Strided rows =
                new Strided(query.tensor().data(), query.tensor().offset(row, query.column(0)), 4L * query.stride());
        Panels.pack(rows, query.width(), 0, heads, heads, panels, RoundedInput.NONE);
        int[] slots = batch.slots()[chosen.sequence(row)];
        for (int block = first; block < end; block += Attention.BLOCK) {
            int count = Math.min(end - block, Attention.BLOCK);
            VectorCache.expand(index, layer, slots, block, block + count, 0, query.width(), keys, workspace);
            long place = to + 4L * block;
            scores.asSlice(place, Attention.SCORE_STRIDE).fill((byte) 0);
            int height;
            for (int h = 0; h < heads; h += height) {
                height = Tiles.height(heads - h);
                Attention.scores(height, panels, 4L * h * columns, columns, count, keys, products, workspace);
                for (int i = 0; i < height; i++) {
                    add(products, (long) i * Attention.SCORE_STRIDE, weights.get(row, h + i), place);
                }
            }
        }
    }

    /** Adds a head's part to a block of scores; what lies behind the last key is of no use and does no harm. */
    private void add(MemorySegment products, long at, float weight, long to) {
        for (int i = 0; i < Attention.BLOCK; i += COUNT) {
            FloatVector product = FloatVector.fromMemorySegment(F32, products, at + 4L * i, LE);
            FloatVector.fromMemorySegment(F32, scores, to + 4L * i, LE)
                    .add(product.max(0f).mul(weight))
                    .intoMemorySegment(scores, to + 4L * i, LE);
        }
    }
}
