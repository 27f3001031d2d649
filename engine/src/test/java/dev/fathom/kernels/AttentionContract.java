package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Both forms of MLA attention. */
abstract class AttentionContract extends CachedRowsContract {
    static final float SCALE = 0.11f;

    /** What attention should give, and how far off float32 arithmetic may be. */
    record Attended(double[] values, double[] bounds, double logSumExp, double logSumExpBound) {}

    /** One key's number i, by key; a view over whatever holds keys and values. */
    @FunctionalInterface
    interface Numbers {
        double get(int key, int i);
    }

    /**
     * Softmax attention of one row in double.
     *
     * <p>Bounds: a score is a sum of {@code width} products, so it is off by delta = (width + 4) U sum |q k| scale, the
     * exponential by that much relatively and a few roundings; sums over n keys and rescaling between blocks of keys add
     * (n + 64) roundings.
     */
    Attended attend(double[] query, int keys, Numbers key, int valueWidth, Numbers value, float scale) {
        double[] scores = new double[keys];
        double delta = 0;
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < keys; k++) {
            double magnitude = 0;
            for (int i = 0; i < query.length; i++) {
                scores[k] += query[i] * key.get(k, i) * scale;
                magnitude += Math.abs(query[i] * key.get(k, i) * scale);
            }
            delta = Math.max(delta, ((query.length + 4) * U + 2 * attentionRounding()) * magnitude);
            max = Math.max(max, scores[k]);
        }
        double sum = 0;
        for (int k = 0; k < keys; k++) {
            scores[k] = Math.exp(scores[k] - max);
            sum += scores[k];
        }
        double relative = 2 * delta + 2 * U * Math.abs(max) + (keys + 64) * U + attentionRounding();
        double[] values = new double[valueWidth];
        double[] bounds = new double[valueWidth];
        for (int i = 0; i < valueWidth; i++) {
            double magnitude = 0;
            for (int k = 0; k < keys; k++) {
                values[i] += scores[k] / sum * value.get(k, i);
                magnitude += Math.abs(scores[k] / sum * value.get(k, i));
            }
            bounds[i] = 2 * relative * magnitude + 1e-37;
        }
        double logSumExp = max + Math.log(sum);
        return new Attended(values, bounds, logSumExp, relative + 4 * U * Math.abs(logSumExp));
    }

    static double[] head(HeadView view, int row, int head) {
        double[] numbers = new double[view.width()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = view.tensor().get(row, view.column(head) + i);
        }
        return numbers;
    }

    static void assertHolds(Attended expected, HeadView out, int row, int head, String what) {
        for (int i = 0; i < out.width(); i++) {
            float actual = out.tensor().get(row, out.column(head) + i);
            assertWithin(actual, expected.values[i], expected.bounds[i], what + " row " + row + " head " + head);
        }
    }

    /** Random positions' slots: a permutation, so that neighbours in the sequence are not neighbours in memory. */
    int[] permutation(int size) {
        int[] order = new int[size];
        for (int i = 0; i < size; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    AttentionBatch batch(int[] slots, int[]... contextAndQueries) {
        int sequences = contextAndQueries.length;
        int[] start = new int[sequences + 1];
        int[] context = new int[sequences];
        int[][] tables = new int[sequences][];
        int used = 0;
        for (int i = 0; i < sequences; i++) {
            context[i] = contextAndQueries[i][0];
            start[i + 1] = start[i] + contextAndQueries[i][1];
            tables[i] = Arrays.copyOfRange(slots, used, used + context[i]);
            used += context[i];
        }
        return new AttentionBatch(start, context, tables);
    }

    @ParameterizedTest
    @EnumSource
    void attendsOverTheLatentCache(KvFormat format) {
        if (!kernels.cacheFormats().contains(format)) {
            return; // a server with that cache does not start: EngineTest
        }
        for (int[] shape :
                new int[][] {{1, 6, 2}, {3, 16, 4}, {4, 40, 10}, {6, 64, 16}, {16, 130, 64}, {20, 512, 64}}) {
            int heads = shape[0];
            KvShape kvShape = new KvShape(2, shape[1], shape[2]);
            PagedKv kv = filled(kvShape, format, 1000);
            AttentionBatch batch = batch(
                    permutation(1000),
                    new int[][] {{1, 1}, {63, 1}, {64, 3}, {65, 2}, {5, 5}, {130, 66}, {80, 1}, {580, 3}});
            HeadView query = new HeadView(
                    gaussian(batch.tokens(), heads * (kvShape.rowWidth() + 1)),
                    heads,
                    kvShape.rowWidth() + 1,
                    1,
                    kvShape.rowWidth());
            HeadView out = outFor(batch.tokens(), heads, shape[1]);
            kernels.attendLatent(query, batch, kv, 1, SCALE, out);
            for (int i = 0; i < batch.sequences(); i++) {
                checkSequence(query, batch, i, kv, out, format + " " + heads + " heads");
            }
            assertRestUntouched(out);
        }
    }

    HeadView outFor(int rows, int heads, int width) {
        return new HeadView(tensor(rows, heads * (width + 3) + 2), heads, width + 3, 2, width);
    }

    private void checkSequence(HeadView query, AttentionBatch batch, int i, PagedKv kv, HeadView out, String what) {
        int context = batch.contextLength()[i];
        KvShape shape = kv.shape();
        Tensor latent = tensor(context, shape.latentWidth());
        Tensor ropeKeys = tensor(context, shape.ropeWidth());
        kernels.loadLatent(kv, 1, batch.slots()[i], 0, context, latent, ropeKeys);
        Numbers key = (k, c) -> c < shape.latentWidth() ? latent.get(k, c) : ropeKeys.get(k, c - shape.latentWidth());
        for (int r = 0; r < batch.queries(i); r += 1 + r / 3) {
            int row = batch.queryStart()[i] + r;
            int seen = batch.prefixLength(i) + r + 1;
            for (int h = 0; h < query.heads(); h += 1 + h / 3) {
                Attended expected = attend(head(query, row, h), seen, key, shape.latentWidth(), latent::get, SCALE);
                assertHolds(expected, out, row, h, what + " sequence " + i);
            }
        }
    }

    /** Every slot of layer 1 holds a random row. */
    private PagedKv filled(KvShape shape, KvFormat format, int slots) {
        PagedKv kv = PagedKv.allocate(shape, format, slots, arena);
        Tensor norm = gaussian(1, shape.latentWidth());
        Tensor angle = gaussian(slots, shape.ropeWidth() / 2);
        kernels.storeLatent(gaussian(slots, shape.rowWidth()), norm, 1e-6f, angle, angle, permutation(slots), kv, 1);
        return kv;
    }

    @ParameterizedTest
    @EnumSource
    void attendsBitForBitTheSameAloneAndInABatch(KvFormat format) {
        if (!kernels.cacheFormats().contains(format)) {
            return; // a server with that cache does not start: EngineTest
        }
        for (int heads : new int[] {3, 16, 37}) {
            KvShape shape = new KvShape(2, 70, 10);
            PagedKv kv = filled(shape, format, 1400);
            int[] slots = permutation(1400);
            AttentionBatch batch = batch(slots, new int[][] {{90, 1}, {70, 9}, {129, 20}, {700, 1}, {260, 8}});
            HeadView query = HeadView.of(gaussian(batch.tokens(), heads * 80), heads);
            HeadView all = HeadView.of(tensor(batch.tokens(), heads * 70), heads);
            kernels.attendLatent(query, batch, kv, 1, SCALE, all);
            for (int i = 0; i < batch.sequences(); i++) {
                for (int r = 0; r < batch.queries(i); r++) {
                    int row = batch.queryStart()[i] + r;
                    int seen = batch.prefixLength(i) + r + 1;
                    AttentionBatch alone =
                            new AttentionBatch(new int[] {0, 1}, new int[] {seen}, new int[][] {batch.slots()[i]});
                    HeadView out = HeadView.of(tensor(1, heads * 70), heads);
                    kernels.attendLatent(query.rows(row, 1), alone, kv, 1, SCALE, out);
                    assertSameAlone(out.tensor(), all.tensor().rows(row, 1), "sequence " + i + " row " + r);
                }
            }
        }
    }

    @Test
    void attendsWithScoresFarApart() {
        KvShape shape = new KvShape(2, 16, 4);
        PagedKv kv = filled(shape, KvFormat.F32, 150);
        AttentionBatch batch = batch(permutation(150), new int[][] {{150, 4}});
        HeadView query = HeadView.of(gaussian(4, 3 * 20, 300), 3);
        HeadView out = HeadView.of(tensor(4, 3 * 16), 3);
        kernels.attendLatent(query, batch, kv, 1, SCALE, out);
        checkSequence(query, batch, 0, kv, out, "large queries");
    }

    @Test
    void attendsExpandedOverChunks() {
        for (int[] shape :
                new int[][] {{1, 1, 2, 1}, {2, 5, 4, 3}, {3, 16, 8, 16}, {5, 40, 10, 70}, {2, 128, 64, 128}}) {
            int heads = shape[0];
            int nope = shape[1];
            int rope = shape[2];
            int value = shape[3];
            for (int[] sizes : new int[][] {{1, 0}, {5, 0}, {7, 60}, {70, 3}, {66, 130}}) {
                int rows = sizes[0];
                int prefix = sizes[1];
                int keys = rows + prefix;
                Expanded e = new Expanded(heads, nope, rope, value, rows, prefix);
                e.check(List.of(0, keys), "one chunk");
                e.check(List.of(0, keys / 2, keys), "two chunks");
                e.check(List.of(0, keys / 3, keys / 2, keys - keys / 9, keys), "four chunks");
            }
        }
    }

    @Test
    void attendsExpandedBitForBitTheSameAloneAndInABatch() {
        for (int[] shape : new int[][] {{2, 5, 4, 3}, {3, 40, 10, 70}}) {
            Expanded e = new Expanded(shape[0], shape[1], shape[2], shape[3], 67, 40);
            HeadView all = e.attend(e.query, 40, List.of(0, 50, 107));
            for (int r = 0; r < 67; r++) {
                HeadView alone = e.attend(e.query.rows(r, 1), 40 + r, List.of(0, 50, 107));
                assertSameAlone(alone.tensor(), all.tensor().rows(r, 1), "row " + r);
            }
        }
    }

    @Test
    void leavesRowsThatSeeNoKeyAsTheyAre() {
        Expanded e = new Expanded(2, 16, 4, 24, 10, 0);
        Tensor logSumExp = tensor(10, 2);
        logSumExp.fill(Float.NEGATIVE_INFINITY);
        HeadView out = outFor(10, 2, 24);
        e.chunk(e.query, 0, 6, 10, out, logSumExp);
        for (int r = 0; r < 10; r++) {
            for (int h = 0; h < 2; h++) {
                assertThat(logSumExp.get(r, h) == Float.NEGATIVE_INFINITY)
                        .as("row " + r)
                        .isEqualTo(r < 6);
                assertThat(out.tensor().get(r, out.column(h)) == SENTINEL)
                        .as("row " + r)
                        .isEqualTo(r < 6);
            }
        }
        Tensor before = tensor(10, 2);
        before.copyFrom(logSumExp);
        Tensor outBefore = tensor(10, out.tensor().cols());
        outBefore.copyFrom(out.tensor());
        e.chunk(e.query.rows(0, 3), 0, 6, 10, out.rows(0, 3), logSumExp.rows(0, 3));
        assertSameBits(logSumExp, before, "log-sum-exp");
        assertSameBits(out.tensor(), outBefore, "out");
    }

    @Test
    void ignoresWhatOutHoldsBeforeTheFirstChunk() {
        Expanded e = new Expanded(2, 16, 4, 24, 5, 3);
        Tensor logSumExp = tensor(5, 2);
        logSumExp.fill(Float.NEGATIVE_INFINITY);
        HeadView out = outFor(5, 2, 24);
        out.tensor().fill(Float.NaN);
        e.chunk(e.query, 3, 0, 8, out, logSumExp);
        HeadView expected = e.attend(e.query, 3, List.of(0, 8));
        for (int r = 0; r < 5; r++) {
            assertThat(head(out, r, 1)).isEqualTo(head(expected, r, 1));
        }
    }

    /** Random queries, keys and values of one sequence. */
    private final class Expanded {
        final int prefix;
        final int nope;
        final int value;
        final HeadView query;
        final HeadView keysValues;
        final Tensor ropeKeys;

        Expanded(int heads, int nope, int rope, int value, int rows, int prefix) {
            this.prefix = prefix;
            this.nope = nope;
            this.value = value;
            int width = nope + rope;
            query = new HeadView(gaussian(rows, heads * (width + 2)), heads, width + 2, 1, width);
            int keys = prefix + rows;
            keysValues = HeadView.of(gaussian(keys, heads * (nope + value)), heads);
            ropeKeys = gaussian(keys, rope);
        }

        void chunk(HeadView rows, int firstQuery, int from, int to, HeadView out, Tensor logSumExp) {
            kernels.attendExpanded(
                    rows,
                    firstQuery,
                    keysValues.rows(from, to - from),
                    ropeKeys.rows(from, to - from),
                    from,
                    SCALE,
                    out,
                    logSumExp);
        }

        HeadView attend(HeadView rows, int firstQuery, List<Integer> borders) {
            Tensor logSumExp = tensor(rows.rows(), rows.heads());
            return attend(rows, firstQuery, borders, logSumExp);
        }

        HeadView attend(HeadView rows, int firstQuery, List<Integer> borders, Tensor logSumExp) {
            logSumExp.fill(Float.NEGATIVE_INFINITY);
            HeadView out = outFor(rows.rows(), rows.heads(), value);
            for (int i = 0; i + 1 < borders.size(); i++) {
                if (borders.get(i) < borders.get(i + 1)) {
                    chunk(rows, firstQuery, borders.get(i), borders.get(i + 1), out, logSumExp);
                }
            }
            assertRestUntouched(out);
            return out;
        }

        void check(List<Integer> borders, String what) {
            Tensor logSumExp = tensor(query.rows(), query.heads());
            HeadView out = attend(query, prefix, borders, logSumExp);
            for (int r = 0; r < query.rows(); r += 1 + r / 5) {
                for (int h = 0; h < query.heads(); h++) {
                    int column = keysValues.column(h);
                    Attended expected = AttentionContract.this.attend(
                            head(query, r, h),
                            prefix + r + 1,
                            (k, i) -> i < nope ? keysValues.tensor().get(k, column + i) : ropeKeys.get(k, i - nope),
                            value,
                            (k, i) -> keysValues.tensor().get(k, column + nope + i),
                            SCALE);
                    assertHolds(expected, out, r, h, what);
                    assertWithin(
                            logSumExp.get(r, h), expected.logSumExp, expected.logSumExpBound * borders.size(), what);
                }
            }
        }
    }

    @Test
    void refusesAttentionOfWrongShapes() {
        PagedKv kv = PagedKv.allocate(new KvShape(1, 8, 4), KvFormat.F32, 4, arena);
        AttentionBatch batch = new AttentionBatch(new int[] {0, 1}, new int[] {2}, new int[][] {{0, 3}});
        HeadView query = HeadView.of(tensor(1, 24), 2);
        HeadView out = HeadView.of(tensor(1, 16), 2);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.attendLatent(out, batch, kv, 0, SCALE, out))
                .withMessageContaining("query");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.attendLatent(query, batch, kv, 0, SCALE, query))
                .withMessageContaining("out");
        AttentionBatch outside = new AttentionBatch(new int[] {0, 1}, new int[] {2}, new int[][] {{0, 4}});
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.attendLatent(query, outside, kv, 0, SCALE, out))
                .withMessageContaining("slots[1] = 4");
        HeadView keysValues = HeadView.of(tensor(3, 32), 2);
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> kernels.attendExpanded(query, 0, keysValues, tensor(3, 13), 0, SCALE, out, tensor(1, 2)))
                .withMessageContaining("keysValues");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> kernels.attendExpanded(query, 0, keysValues, tensor(3, 4), 0, SCALE, out, tensor(2, 2)))
                .withMessageContaining("logSumExp");
    }
}
