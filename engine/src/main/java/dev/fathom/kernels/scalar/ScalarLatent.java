package dev.fathom.kernels.scalar;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** The latent cache: writing rows, reading them back, and absorbed attention over them. */
final class ScalarLatent {
    private ScalarLatent() {}

    static void store(
            Tensor latent,
            Tensor normWeight,
            float epsilon,
            Tensor cos,
            Tensor sin,
            int[] slots,
            PagedKv kv,
            int layer) {
        int width = kv.shape().latentWidth();
        for (int t = 0; t < slots.length; t++) {
            double factor = ScalarElementwise.inverseRms(latent, t, width, epsilon);
            for (int i = 0; i < width; i++) {
                write(kv, layer, slots[t], i, (float) (latent.get(t, i) * factor * normWeight.get(0, i)));
            }
            for (int i = 0; i < kv.shape().ropeWidth() / 2; i++) {
                double a = latent.get(t, width + 2 * i);
                double b = latent.get(t, width + 2 * i + 1);
                double c = cos.get(t, i);
                double s = sin.get(t, i);
                write(kv, layer, slots[t], width + 2 * i, (float) (a * c - b * s));
                write(kv, layer, slots[t], width + 2 * i + 1, (float) (a * s + b * c));
            }
        }
    }

    private static void write(PagedKv kv, int layer, int slot, int i, float value) {
        MemorySegment data = kv.layer(layer);
        long at = slot * kv.rowBytes() + (long) i * kv.format().bytes();
        switch (kv.format()) {
            case F32 -> data.set(Tensor.F32, at, value);
            case BF16 -> data.set(Codecs.LE_SHORT, at, Codecs.floatToBf16(value));
        }
    }

    /** Number i of a slot's row. */
    private static float read(MemorySegment data, KvFormat format, long row, int i) {
        return switch (format) {
            case F32 -> data.get(Tensor.F32, row + 4L * i);
            case BF16 -> Codecs.bf16ToFloat(data.get(Codecs.LE_SHORT, row + 2L * i));
        };
    }

    static void load(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        int width = kv.shape().latentWidth();
        for (int k = 0; k < count; k++) {
            long row = slots[from + k] * kv.rowBytes();
            for (int i = 0; i < width; i++) {
                latent.set(k, i, read(kv.layer(layer), kv.format(), row, i));
            }
            for (int i = 0; i < kv.shape().ropeWidth(); i++) {
                ropeKeys.set(k, i, read(kv.layer(layer), kv.format(), row, width + i));
            }
        }
    }

    /** All (row, head) pairs of a batch, numbered row-major, spread over the team. */
    static void attend(
            HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out, ScalarTeam team) {
        int heads = query.heads();
        int units = batch.tokens() * heads;
        int longest = 0;
        long keys = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            longest = Math.max(longest, batch.contextLength()[i]);
            keys += (long) batch.queries(i) * batch.contextLength()[i];
        }
        int buffer = longest + kv.shape().latentWidth();
        team.run(team.parts(units, 2 * keys * heads * kv.shape().rowWidth()), (part, parts) -> {
            double[] work = team.doubles(part, buffer);
            int first = ScalarTeam.share(units, part, parts);
            int end = ScalarTeam.share(units, part + 1, parts);
            for (int i = 0; i < batch.sequences(); i++) {
                for (int row = Math.max(batch.queryStart()[i], first / heads);
                        row < batch.queryStart()[i + 1] && row * heads < end;
                        row++) {
                    int seen = batch.prefixLength(i) + row - batch.queryStart()[i] + 1;
                    for (int h = Math.max(0, first - row * heads); h < Math.min(heads, end - row * heads); h++) {
                        one(query, row, h, batch.slots()[i], seen, kv, layer, scale, out, work);
                    }
                }
            }
        });
    }

    /** work: [seen] probabilities, then [latentWidth] sums. */
    private static void one(
            HeadView query,
            int row,
            int head,
            int[] slots,
            int seen,
            PagedKv kv,
            int layer,
            float scale,
            HeadView out,
            double[] work) {
        MemorySegment data = kv.layer(layer);
        MemorySegment q = query.tensor().data();
        long qAt = query.tensor().offset(row, query.column(head));
        int width = kv.shape().latentWidth();
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < seen; k++) {
            long at = slots[k] * kv.rowBytes();
            double score = 0;
            for (int i = 0; i < kv.shape().rowWidth(); i++) {
                score += (double) q.get(Tensor.F32, qAt + 4L * i) * read(data, kv.format(), at, i);
            }
            work[k] = score * scale;
            max = Math.max(max, work[k]);
        }
        for (int i = 0; i < width; i++) {
            work[seen + i] = 0;
        }
        double sum = 0;
        for (int k = 0; k < seen; k++) {
            double p = Math.exp(work[k] - max);
            sum += p;
            long at = slots[k] * kv.rowBytes();
            for (int i = 0; i < width; i++) {
                work[seen + i] += p * read(data, kv.format(), at, i);
            }
        }
        for (int i = 0; i < width; i++) {
            out.tensor().set(row, out.column(head) + i, (float) (work[seen + i] / sum));
        }
    }
}
