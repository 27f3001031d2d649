package dev.fathom.kernels.scalar;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.ChosenTokens;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RotatedFp8;
import dev.fathom.tensor.Tensor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** The index of keys: scores are double sums rounded once, and choosing is sorting. */
final class ScalarKeyIndex implements KeyIndex {
    private final ScalarTeam team;

    ScalarKeyIndex(ScalarTeam team) {
        this.team = team;
    }

    @Override
    public void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor out) {
        OpShapes.layerNorm(x, weight, bias, out);
        ScalarElementwise.layerNorm(x, weight, bias, epsilon, out);
    }

    @Override
    public void roundRotated(HeadView x) {
        float[] head = team.floats(0, x.width());
        for (int row = 0; row < x.rows(); row++) {
            for (int h = 0; h < x.heads(); h++) {
                RotatedFp8.apply(x, row, x.column(h), head);
            }
        }
    }

    @Override
    public void store(Tensor keys, int[] slots, PagedKv index, int layer) {
        OpShapes.storeIndex(keys, slots, index, layer);
        ScalarCache.storeRows(keys, slots, index, layer);
    }

    @Override
    public AttentionBatch choose(
            HeadView query, Tensor weights, AttentionBatch batch, PagedKv index, int layer, int count) {
        OpShapes.choose(query, weights, batch, index, layer, count);
        ChosenTokens chosen = new ChosenTokens(batch, count);
        for (int row = 0; row < batch.tokens(); row++) {
            int seen = chosen.seen(row);
            if (chosen.isChoice(seen)) {
                int sequence = chosen.sequence(row);
                float[] scores = scores(query, weights, row, batch.slots()[sequence], seen, index, layer);
                chosen.set(row, largest(scores, count));
            } else {
                chosen.setAll(row);
            }
        }
        return chosen.batch();
    }

    private float[] scores(HeadView query, Tensor weights, int row, int[] slots, int seen, PagedKv index, int layer) {
        float[] scores = new float[seen];
        long work = (long) seen * query.heads() * query.width();
        team.run(team.parts(seen, work), (part, parts) -> {
            for (int k = ScalarTeam.share(seen, part, parts); k < ScalarTeam.share(seen, part + 1, parts); k++) {
                scores[k] = score(query, weights, row, index, layer, slots[k] * index.rowBytes());
            }
        });
        return scores;
    }

    private static float score(HeadView query, Tensor weights, int row, PagedKv index, int layer, long key) {
        double score = 0;
        for (int h = 0; h < query.heads(); h++) {
            double dot = 0;
            for (int i = 0; i < query.width(); i++) {
                dot += (double) query.tensor().get(row, query.column(h) + i) * ScalarCache.read(index, layer, key, i);
            }
            score += weights.get(row, h) * Math.max(0, dot);
        }
        return (float) score;
    }

    private static int[] largest(float[] scores, int count) {
        // Adding zero makes zeros of both signs one number; comparing floats puts NaN above all.
        Comparator<Integer> byScore = Comparator.comparingDouble(k -> scores[k] + 0f);
        int[] chosen = IntStream.range(0, scores.length)
                .boxed()
                .sorted(byScore.reversed())
                .limit(count)
                .mapToInt(Integer::intValue)
                .toArray();
        Arrays.sort(chosen);
        return chosen;
    }
}
