package dev.fathom.kernels.vector;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.ChosenTokens;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RotatedFp8;
import dev.fathom.tensor.Tensor;

/** The index of keys. Scores run on the tiles that attention uses; the rest is little work, in plain Java on all threads. */
final class VectorKeyIndex implements KeyIndex {
    private final VectorTeam team;

    VectorKeyIndex(VectorTeam team) {
        this.team = team;
    }

    @Override
    public void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor out) {
        OpShapes.layerNorm(x, weight, bias, out);
        team.run(x.rows(), 4L * x.rows() * x.cols(), (row, workspace) -> normalize(x, weight, bias, epsilon, row, out));
    }

    /** A row is as wide as one index key: sums in double cost nothing that counts. */
    private static void normalize(Tensor x, Tensor weight, Tensor bias, float epsilon, int row, Tensor out) {
        int width = x.cols();
        double sum = 0;
        for (int i = 0; i < width; i++) {
            sum += x.get(row, i);
        }
        double mean = sum / width;
        double squares = 0;
        for (int i = 0; i < width; i++) {
            double distance = x.get(row, i) - mean;
            squares += distance * distance;
        }
        double factor = 1 / Math.sqrt(squares / width + epsilon);
        for (int i = 0; i < width; i++) {
            out.set(row, i, (float) ((x.get(row, i) - mean) * factor * weight.get(0, i) + bias.get(0, i)));
        }
    }

    @Override
    public void roundRotated(HeadView x) {
        int rows = team.rowsPerUnit(x.rows(), 1);
        long work = 16L * x.rows() * x.heads() * x.width();
        team.run(Math.ceilDiv(x.rows(), rows), work, (unit, workspace) -> {
            float[] head = new float[x.width()];
            for (int row = unit * rows; row < Math.min(x.rows(), (unit + 1) * rows); row++) {
                for (int h = 0; h < x.heads(); h++) {
                    RotatedFp8.apply(x, row, x.column(h), head);
                }
            }
        });
    }

    @Override
    public void store(Tensor keys, int[] slots, PagedKv index, int layer) {
        OpShapes.storeIndex(keys, slots, index, layer);
        team.run(
                slots.length,
                (long) slots.length * keys.cols(),
                (row, workspace) -> VectorCache.write(
                        index,
                        keys.data().asSlice(keys.offset(row, 0), 4L * keys.cols()),
                        keys.cols(),
                        index.layer(layer).asSlice(slots[row] * index.rowBytes(), index.rowBytes())));
    }

    @Override
    public AttentionBatch choose(
            HeadView query, Tensor weights, AttentionBatch batch, PagedKv index, int layer, int count) {
        OpShapes.choose(query, weights, batch, index, layer, count);
        ChosenTokens chosen = new ChosenTokens(batch, count);
        IndexScores scores = new IndexScores(query, weights, batch, index, layer, chosen);
        for (int from = 0, to; from < batch.tokens(); from = to) {
            to = Math.min(batch.tokens(), from + scores.rowsTogether());
            scores.compute(from, to, team);
            int first = from;
            team.run(to - from, 4L * (to - from) * scores.longest(), (unit, workspace) -> {
                if (chosen.isChoice(chosen.seen(first + unit))) {
                    chosen.setLargest(first + unit, scores.memory(), scores.at(unit));
                } else {
                    chosen.setAll(first + unit);
                }
            });
        }
        return chosen.batch();
    }
}
