package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Everything {@link KeyIndex} promises, for the backends that have one. */
public abstract class KeyIndexContract extends KernelFixture {
    private static final int SLOTS = 700;

    private KeyIndex index;

    @BeforeEach
    void openIndex() {
        index = kernels.keyIndex();
    }

    @Test
    void normalizesByMeanAndVariance() {
        for (int width : new int[] {1, 2, LANES - 1, LANES + 1, 128, 130}) {
            for (double size : new double[] {1, 1e-3, 1e6}) {
                Tensor x = gaussian(5, width, size);
                Tensor weight = gaussian(1, width);
                Tensor bias = gaussian(1, width);
                Tensor out = tensor(5, width);
                index.layerNorm(x, weight, bias, 1e-6f, out);
                for (int t = 0; t < 5; t++) {
                    float[] row = x.rows(t, 1).toArray();
                    double mean = IntStream.range(0, width)
                            .mapToDouble(i -> row[i])
                            .average()
                            .orElseThrow();
                    double variance = IntStream.range(0, width)
                            .mapToDouble(i -> (row[i] - mean) * (row[i] - mean))
                            .average()
                            .orElseThrow();
                    for (int i = 0; i < width; i++) {
                        double normed = (row[i] - mean) / Math.sqrt(variance + 1e-6f) * weight.get(0, i);
                        double bound = 8 * U * (Math.abs(normed) + Math.abs(bias.get(0, i))) + 1e-12;
                        assertWithin(out.get(t, i), normed + bias.get(0, i), bound, "width " + width);
                    }
                }
                Tensor inPlace = tensor(5, width);
                inPlace.copyFrom(x);
                index.layerNorm(inPlace, weight, bias, 1e-6f, inPlace);
                assertSameBits(inPlace, out, "in place, width " + width);
            }
        }
    }

    /** The rounded transform is within half a step of E4M3 of the transform, computed from its definition. */
    @Test
    void roundsTheHadamardTransformToFp8() {
        for (int width : new int[] {1, 2, 32, 128, 256}) {
            HeadView x = new HeadView(gaussian(4, 3 * (width + 2), width), 3, width + 2, 1, width);
            Tensor before = tensor(4, x.tensor().cols());
            before.copyFrom(x.tensor());
            index.roundRotated(x);
            for (int t = 0; t < 4; t++) {
                for (int h = 0; h < 3; h++) {
                    checkRotated(before, x, t, h);
                }
            }
        }
    }

    private static void checkRotated(Tensor before, HeadView x, int row, int head) {
        int width = x.width();
        double[] wanted = new double[width];
        for (int i = 0; i < width; i++) {
            for (int j = 0; j < width; j++) {
                double sign = Integer.bitCount(i & j) % 2 == 0 ? 1 : -1;
                wanted[i] += sign * before.get(row, x.column(head) + j) / Math.sqrt(width);
            }
        }
        for (int from = 0; from < width; from += 128) {
            int end = Math.min(width, from + 128);
            double largest =
                    Arrays.stream(wanted, from, end).map(Math::abs).max().orElseThrow();
            double scale = Math.pow(2, Math.ceil(Math.log(largest / 448) / Math.log(2)));
            for (int i = from; i < end; i++) {
                float actual = x.tensor().get(row, x.column(head) + i);
                double step = Math.max(Math.abs(wanted[i]) / 16, 0x1p-10 * scale);
                assertWithin(actual, wanted[i], step + width * U * largest, "width " + width);
                float code = (float) (actual / scale);
                assertThat(Codecs.e4m3ToFloat(Codecs.floatToE4m3(code))).isEqualTo(code);
                assertThat(Codecs.bf16ToFloat(Codecs.floatToBf16(actual))).isEqualTo(actual);
            }
        }
    }

    private PagedKv cache(int width, KvFormat format) {
        return PagedKv.allocate(new KvShape(2, 8, 4, width), format, SLOTS, arena)
                .index();
    }

    /** Every slot of layer 1 holds a key. */
    private Tensor filled(PagedKv cache) {
        Tensor keys = gaussian(SLOTS, cache.shape().rowWidth());
        index.store(keys, IntStream.range(0, SLOTS).toArray(), cache, 1);
        return keys;
    }

    @ParameterizedTest
    @EnumSource
    void choosesTheLargestScores(KvFormat format) {
        int[] slots = permutation();
        for (int[] shape : new int[][] {{1, 1}, {4, 32}, {3, LANES + 1}, {64, 128}}) {
            PagedKv cache = cache(shape[1], format);
            Tensor keys = filled(cache);
            AttentionBatch batch = batch(slots, new int[][] {{30, 4}, {1, 1}, {70, 1}, {400, 3}, {65, 65}});
            HeadView query = HeadView.of(gaussian(batch.tokens(), shape[0] * shape[1]), shape[0]);
            Tensor weights = gaussian(batch.tokens(), shape[0]);
            for (int count : new int[] {1, 16, 64, 65, 500}) {
                AttentionBatch chosen =
                        index.choose(query, weights, batch, cache, 1, count).batch();
                assertThat(chosen.queryStart())
                        .containsExactly(
                                IntStream.rangeClosed(0, batch.tokens()).toArray());
                for (int i = 0; i < batch.sequences(); i++) {
                    for (int r = 0; r < batch.queries(i); r += 1 + r / 3) {
                        check(query, weights, batch, i, r, keys, chosen, count, format);
                    }
                }
            }
        }
    }

    /** A row's choice: ascending, as many as wanted, and no other token's score larger beyond what rounding may do. */
    private static void check(
            HeadView query,
            Tensor weights,
            AttentionBatch batch,
            int sequence,
            int r,
            Tensor keys,
            AttentionBatch chosen,
            int count,
            KvFormat format) {
        int row = batch.queryStart()[sequence] + r;
        int seen = batch.prefixLength(sequence) + r + 1;
        int[] table = batch.slots()[sequence];
        assertThat(chosen.contextLength()[row]).isEqualTo(Math.min(seen, count));
        int[] taken = Arrays.copyOf(chosen.slots()[row], chosen.contextLength()[row]);
        int[] order = IntStream.range(0, seen)
                .filter(k -> Arrays.stream(taken).anyMatch(slot -> slot == table[k]))
                .map(k -> table[k])
                .toArray();
        assertThat(taken).as("in the order of positions").containsExactly(order);
        double smallestTaken = Double.POSITIVE_INFINITY;
        double largestLeft = Double.NEGATIVE_INFINITY;
        double bound = 0;
        for (int k = 0; k < seen; k++) {
            double score = 0;
            double magnitude = 0;
            for (int h = 0; h < query.heads(); h++) {
                double dot = 0;
                double size = 0;
                for (int i = 0; i < query.width(); i++) {
                    float key = keys.get(table[k], i);
                    float stored = format == KvFormat.F32 ? key : Codecs.bf16ToFloat(Codecs.floatToBf16(key));
                    dot += (double) query.tensor().get(row, query.column(h) + i) * stored;
                    size += Math.abs((double) query.tensor().get(row, query.column(h) + i) * stored);
                }
                score += weights.get(row, h) * Math.max(0, dot);
                magnitude += Math.abs(weights.get(row, h)) * size;
            }
            bound = Math.max(bound, (query.width() + query.heads() + 4) * U * magnitude);
            int slot = table[k];
            if (Arrays.stream(taken).anyMatch(it -> it == slot)) {
                smallestTaken = Math.min(smallestTaken, score);
            } else {
                largestLeft = Math.max(largestLeft, score);
            }
        }
        assertThat(largestLeft).as("sequence " + sequence).isLessThanOrEqualTo(smallestTaken + 2 * bound);
    }

    @Test
    void takesTheLowerPositionOfEqualScores() {
        int[] slots = permutation();
        PagedKv cache = cache(4, KvFormat.F32);
        Tensor keys = tensor(SLOTS, 4);
        // Every third key is on the positive side; all others give zero, whatever the sign of the weight.
        for (int k = 0; k < SLOTS; k++) {
            for (int i = 0; i < 4; i++) {
                keys.set(slots[k], i, k % 3 == 0 ? 1 : -1);
            }
        }
        index.store(keys, IntStream.range(0, SLOTS).toArray(), cache, 1);
        AttentionBatch batch = batch(slots, new int[][] {{300, 1}});
        Tensor query = tensor(1, 8);
        query.fill(1);
        for (float weight : new float[] {1, -1}) {
            Tensor weights = tensor(1, 2);
            weights.fill(weight);
            AttentionBatch chosen = index.choose(HeadView.of(query, 2), weights, batch, cache, 1, 7)
                    .batch();
            int[] expected = IntStream.range(0, 300)
                    .filter(k -> (k % 3 == 0) == (weight > 0))
                    .limit(7)
                    .map(k -> slots[k])
                    .toArray();
            assertThat(chosen.slots()[0]).containsExactly(expected);
            int[] more = index.choose(HeadView.of(query, 2), weights, batch, cache, 1, 150)
                    .batch()
                    .slots()[0];
            assertThat(more).contains(expected);
            // Of the zeros that fill it up, when there are too few positive scores, the first 50.
            int last = weight > 0 ? 297 : 224;
            assertThat(more[149]).isEqualTo(slots[last]);
        }
    }

    @Test
    void choosesTheSameAloneAndInABatch() {
        int[] slots = permutation();
        for (KvFormat format : KvFormat.values()) {
            PagedKv cache = cache(32, format);
            filled(cache);
            AttentionBatch batch = batch(slots, new int[][] {{300, 5}, {90, 2}, {257, 1}});
            HeadView query = HeadView.of(gaussian(batch.tokens(), 7 * 32), 7);
            Tensor weights = gaussian(batch.tokens(), 7);
            AttentionBatch all =
                    index.choose(query, weights, batch, cache, 1, 40).batch();
            for (int i = 0; i < batch.sequences(); i++) {
                for (int r = 0; r < batch.queries(i); r++) {
                    int row = batch.queryStart()[i] + r;
                    int seen = batch.prefixLength(i) + r + 1;
                    AttentionBatch alone =
                            new AttentionBatch(new int[] {0, 1}, new int[] {seen}, new int[][] {batch.slots()[i]});
                    AttentionBatch one = index.choose(query.rows(row, 1), weights.rows(row, 1), alone, cache, 1, 40)
                            .batch();
                    assertThat(one.slots()[0]).containsExactly(all.slots()[row]);
                }
            }
        }
    }

    /** At widths that kernels have their own ways for, and at others. */
    @ParameterizedTest
    @EnumSource
    void attendsToWhatWasChosen(KvFormat format) {
        int[] slots = permutation();
        for (int[] widths : new int[][] {{12, 4}, {512, 64}}) {
            PagedKv kv = PagedKv.allocate(new KvShape(2, widths[0], widths[1], 32), format, SLOTS, arena);
            Tensor angle = gaussian(SLOTS, widths[1] / 2);
            Tensor latent = gaussian(SLOTS, widths[0] + widths[1]);
            int[] all = IntStream.range(0, SLOTS).toArray();
            kernels.storeLatent(latent, gaussian(1, widths[0]), 1e-6f, angle, angle, all, kv, 1);
            PagedKv keys = kv.index();
            filled(keys);
            AttentionBatch batch = batch(slots, new int[][] {{300, 5}, {90, 2}, {20, 1}});
            HeadView query = HeadView.of(gaussian(batch.tokens(), 3 * (widths[0] + widths[1])), 3);
            RowChoice chosen = index.choose(
                    HeadView.of(gaussian(batch.tokens(), 2 * 32), 2), gaussian(batch.tokens(), 2), batch, keys, 1, 40);
            HeadView expected = HeadView.of(tensor(batch.tokens(), 3 * widths[0]), 3);
            HeadView actual = HeadView.of(tensor(batch.tokens(), 3 * widths[0]), 3);
            kernels.attendChosen(query, chosen, kv, 1, 0.3f, actual);
            kernels.attendLatent(query, chosen.batch(), kv, 1, 0.3f, expected);
            assertSameBits(actual.tensor(), expected.tensor(), format + ", " + widths[0] + " wide");
        }
    }

    @Test
    void choosesWhereScoresAreNotNumbers() {
        int[] slots = permutation();
        PagedKv cache = cache(4, KvFormat.F32);
        Tensor keys = gaussian(SLOTS, 4);
        keys.set(slots[17], 2, Float.NaN);
        keys.set(slots[40], 0, Float.POSITIVE_INFINITY);
        index.store(keys, IntStream.range(0, SLOTS).toArray(), cache, 1);
        AttentionBatch batch = batch(slots, new int[][] {{64, 1}});
        Tensor query = tensor(1, 4);
        query.fill(1);
        Tensor weights = tensor(1, 1);
        weights.fill(1);
        AttentionBatch chosen =
                index.choose(HeadView.of(query, 1), weights, batch, cache, 1, 2).batch();
        assertThat(chosen.slots()[0]).containsExactly(slots[17], slots[40]);
    }

    @Test
    void refusesWrongShapes() {
        PagedKv cache = cache(8, KvFormat.F32);
        AttentionBatch batch = new AttentionBatch(new int[] {0, 1}, new int[] {2}, new int[][] {{0, SLOTS}});
        HeadView query = HeadView.of(tensor(1, 16), 2);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> index.choose(query, tensor(1, 2), batch, cache, 0, 1))
                .withMessageContaining("slots[1] = " + SLOTS);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> index.choose(query, tensor(1, 3), batch, cache, 0, 1))
                .withMessageContaining("weights");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> index.choose(query, tensor(1, 2), batch, cache, 2, 1))
                .withMessageContaining("layer");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> index.store(tensor(1, 9), new int[] {0}, cache, 0))
                .withMessageContaining("keys");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> index.layerNorm(tensor(1, 8), tensor(1, 8), tensor(1, 7), 0, tensor(1, 8)))
                .withMessageContaining("bias");
    }

    private int[] permutation() {
        int[] order = new int[SLOTS];
        for (int i = 0; i < SLOTS; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /** Sequences of this context and these queries each; all may share slots, nothing is written. */
    private static AttentionBatch batch(int[] slots, int[]... contextAndQueries) {
        int sequences = contextAndQueries.length;
        int[] start = new int[sequences + 1];
        int[] context = new int[sequences];
        int[][] tables = new int[sequences][];
        for (int i = 0; i < sequences; i++) {
            context[i] = contextAndQueries[i][0];
            start[i + 1] = start[i] + contextAndQueries[i][1];
            tables[i] = Arrays.copyOfRange(slots, i, i + context[i]);
        }
        return new AttentionBatch(start, context, tables);
    }
}
