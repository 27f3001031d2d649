package dev.fathom.kernels.scalar;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Attention straight over cache rows. The heads of a query read keys and values from columns of the row: cached head g has
 * its key at column g * keyWidth and its value at firstValue + g * valueWidth.
 *
 * @param heads       query heads that share one cached head
 * @param firstValue  column of the first value
 */
record ScalarAttention(
        HeadView query,
        AttentionBatch batch,
        PagedKv kv,
        int layer,
        float scale,
        HeadView out,
        int heads,
        int firstValue) {
    /** Absorbed: all heads read one row, whose latent part is the value too. */
    static ScalarAttention latent(
            HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        return new ScalarAttention(query, batch, kv, layer, scale, out, query.heads(), 0);
    }

    /** @param cachedHeads heads in the cache */
    static ScalarAttention grouped(
            HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out, int cachedHeads) {
        int heads = query.heads() / cachedHeads;
        return new ScalarAttention(query, batch, kv, layer, scale, out, heads, cachedHeads * query.width());
    }

    /** All (row, head) pairs of the batch, numbered row-major, spread over the team. */
    void attend(ScalarTeam team) {
        int units = batch.tokens() * query.heads();
        int longest = 0;
        long keys = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            longest = Math.max(longest, batch.contextLength()[i]);
            keys += (long) batch.queries(i) * batch.contextLength()[i];
        }
        int buffer = longest + out.width();
        long work = keys * query.heads() * (query.width() + out.width());
        team.run(team.parts(units, work), (part, parts) -> {
            double[] sums = team.doubles(part, buffer);
            int first = ScalarTeam.share(units, part, parts);
            int end = ScalarTeam.share(units, part + 1, parts);
            for (int i = 0, unit = first; i < batch.sequences(); i++) {
                for (; unit < end && unit / query.heads() < batch.queryStart()[i + 1]; unit++) {
                    int row = unit / query.heads();
                    int seen = batch.prefixLength(i) + row - batch.queryStart()[i] + 1;
                    one(row, unit % query.heads(), batch.slots()[i], seen, sums);
                }
            }
        });
    }

    /** work: [seen] probabilities, then [value width] sums. */
    private void one(int row, int head, int[] slots, int seen, double[] work) {
        MemorySegment q = query.tensor().data();
        long qAt = query.tensor().offset(row, query.column(head));
        int key = head / heads * query.width();
        int value = firstValue + head / heads * out.width();
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < seen; k++) {
            long at = slots[k] * kv.rowBytes();
            double score = 0;
            for (int i = 0; i < query.width(); i++) {
                score += (double) q.get(Tensor.F32, qAt + 4L * i) * ScalarCache.read(kv, layer, at, key + i);
            }
            work[k] = score * scale;
            max = Math.max(max, work[k]);
        }
        for (int i = 0; i < out.width(); i++) {
            work[seen + i] = 0;
        }
        double sum = 0;
        for (int k = 0; k < seen; k++) {
            double p = Math.exp(work[k] - max);
            sum += p;
            long at = slots[k] * kv.rowBytes();
            for (int i = 0; i < out.width(); i++) {
                work[seen + i] += p * ScalarCache.read(kv, layer, at, value + i);
            }
        }
        for (int i = 0; i < out.width(); i++) {
            out.tensor().set(row, out.column(head) + i, (float) (work[seen + i] / sum));
        }
    }
}
