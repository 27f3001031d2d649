package dev.fathom.kernels.scalar;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Expanded attention of one sequence over one chunk of keys, merged into what earlier chunks gave. */
record ScalarExpanded(
        HeadView query,
        int firstQuery,
        HeadView keysValues,
        Tensor ropeKeys,
        int firstKey,
        float scale,
        HeadView out,
        Tensor logSumExp) {

    void attend(ScalarTeam team) {
        int valueWidth = OpShapes.attendExpanded(query, keysValues, ropeKeys, out, logSumExp);
        int heads = query.heads();
        int keys = ropeKeys.rows();
        long work = (long) query.rows() * heads * keys * (query.width() + valueWidth);
        team.run(team.parts((long) query.rows() * heads, work), (part, parts) -> {
            double[] buffer = team.doubles(part, keys + valueWidth);
            int units = query.rows() * heads;
            for (int u = ScalarTeam.share(units, part, parts); u < ScalarTeam.share(units, part + 1, parts); u++) {
                one(u / heads, u % heads, valueWidth, buffer);
            }
        });
    }

    /** buffer: [seen] probabilities, then [valueWidth] sums. */
    private void one(int row, int head, int valueWidth, double[] buffer) {
        int seen = Math.min(ropeKeys.rows(), firstQuery + row - firstKey + 1);
        if (seen <= 0) {
            return;
        }
        double max = scores(row, head, seen, buffer);
        MemorySegment kv = keysValues.tensor().data();
        int nope = query.width() - ropeKeys.cols();
        for (int i = 0; i < valueWidth; i++) {
            buffer[seen + i] = 0;
        }
        double sum = 0;
        for (int k = 0; k < seen; k++) {
            double p = Math.exp(buffer[k] - max);
            sum += p;
            long value = keysValues.tensor().offset(k, keysValues.column(head) + nope);
            for (int i = 0; i < valueWidth; i++) {
                buffer[seen + i] += p * kv.get(Tensor.F32, value + 4L * i);
            }
        }
        double before = logSumExp.get(row, head);
        double chunk = max + Math.log(sum);
        double top = Math.max(before, chunk);
        double after = top + Math.log(Math.exp(before - top) + Math.exp(chunk - top));
        double keep = Math.exp(before - after);
        double gain = Math.exp(chunk - after) / sum;
        for (int i = 0; i < valueWidth; i++) {
            int column = out.column(head) + i;
            // Before the first chunk out holds anything, NaN perhaps: zero times that is not zero.
            double old =
                    before == Double.NEGATIVE_INFINITY ? 0 : keep * out.tensor().get(row, column);
            out.tensor().set(row, column, (float) (old + gain * buffer[seen + i]));
        }
        logSumExp.set(row, head, (float) after);
    }

    /** Scores of the seen keys; returns the largest. */
    private double scores(int row, int head, int seen, double[] buffer) {
        MemorySegment q = query.tensor().data();
        MemorySegment kv = keysValues.tensor().data();
        MemorySegment rope = ropeKeys.data();
        long qAt = query.tensor().offset(row, query.column(head));
        int nope = query.width() - ropeKeys.cols();
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < seen; k++) {
            long key = keysValues.tensor().offset(k, keysValues.column(head));
            double score = 0;
            for (int i = 0; i < nope; i++) {
                score += (double) q.get(Tensor.F32, qAt + 4L * i) * kv.get(Tensor.F32, key + 4L * i);
            }
            long ropeAt = ropeKeys.offset(k, 0);
            for (int i = 0; i < ropeKeys.cols(); i++) {
                score += (double) q.get(Tensor.F32, qAt + 4L * (nope + i)) * rope.get(Tensor.F32, ropeAt + 4L * i);
            }
            buffer[k] = score * scale;
            max = Math.max(max, buffer[k]);
        }
        return max;
    }
}
