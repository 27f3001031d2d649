package dev.fathom.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationEvent.Token;
import dev.fathom.api.GenerationEvent.TokenLogprob;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.kernels.TopSelection;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final long SEED = 1_2026;
    private static final Params PLAIN = new Params(1, 1, -1, 0, 0, 0, 1);

    @Test
    void choosesAmongAllowedTokensOnly() {
        Sampler sampler = new Sampler(4, Set.of(0));
        Tensor row = tensor(9, 8, 7, 6);
        SamplingParams greedy = SamplingParams.greedy(5);
        assertThat(sampler.sample(row, 0, greedy, null, 0, 0, new long[] {0b1100})
                        .id())
                .isEqualTo(2);
        for (int i = 0; i < 50; i++) {
            int id = sampler.sample(row, 0, drawing(), null, 0, i / 50.0, new long[] {0b1010})
                    .id();
            assertThat(id).isIn(1, 3);
        }
        assertThatThrownBy(() -> sampler.sample(row, 0, greedy, null, 0, 0, new long[] {0}))
                .isInstanceOf(RequestException.class)
                .hasMessageContaining("ruled out every token that the grammar allows");
    }

    @Test
    void endsBeforeTheLeastNumberOfTokensOnlyIfNothingElseIsAllowed() {
        Sampler sampler = new Sampler(4, Set.of(0));
        Tensor row = tensor(9, 8, 7, 6);
        SamplingParams atLeastThree = atLeast(3);
        assertThat(sampler.sample(row, 0, atLeastThree, null, 0, 0, new long[] {0b1001})
                        .id())
                .isEqualTo(3);
        assertThat(sampler.sample(row, 0, atLeastThree, null, 0, 0, new long[] {0b0001})
                        .id())
                .isZero();
        assertThat(sampler.sample(row, 0, atLeastThree, null, 3, 0, new long[] {0b1001})
                        .id())
                .isZero();
    }

    private static SamplingParams drawing() {
        return new SamplingParams(
                5, 0, 1, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), Set.of(), false, false, 0);
    }

    private static SamplingParams atLeast(int tokens) {
        return new SamplingParams(
                5, tokens, 0, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), Set.of(), false, false, 0);
    }

    @Test
    void takesTheLargestLogitAndTheLowestIdOfEqualOnes() {
        assertThat(greedy(1, 3, 3, 2)).isEqualTo(1);
        assertThat(greedy(-0f, 0f, -1)).isZero();
        assertThat(greedy(-5, Float.NEGATIVE_INFINITY, -4)).isEqualTo(2);
    }

    @Test
    void refusesLogitsThatAreNotFinite() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> greedy(1, bad, 2))
                    .isInstanceOfSatisfying(
                            RequestException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL))
                    .hasMessageContaining("token id 1");
        }
        assertThatThrownBy(() -> greedy(Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY))
                .isInstanceOf(RequestException.class)
                .hasMessageContaining("every token");
    }

    @Test
    void readsTheRowItIsAskedFor() {
        Tensor rows = tensor(1, 2, 3, 6, 5, 4);
        Tensor two = new Tensor(rows.data(), 2, 3);
        Sampler sampler = new Sampler(3, Set.of());
        SamplingParams greedy = SamplingParams.greedy(1);
        assertThat(sampler.sample(two, 0, greedy, null, 0, 0).id()).isEqualTo(2);
        assertThat(sampler.sample(two, 1, greedy, null, 0, 0).id()).isZero();
    }

    @Test
    void masksEndAndStopIdsUntilEnoughTokensWereGenerated() {
        Sampler sampler = new Sampler(4, Set.of(0, 99));
        SamplingParams params = new SamplingParams(
                9, 2, 0, 1, -1, 0, 0, 0, 1, Map.of(0, 50f), OptionalLong.empty(), Set.of(1, 77), false, false, 0);
        Tensor row = tensor(9, 8, 7, 6);
        assertThat(sampler.sample(row, 0, params, null, 0, 0).id()).isEqualTo(2);
        assertThat(sampler.sample(row, 0, params, null, 1, 0).id()).isEqualTo(2);
        assertThat(sampler.sample(row, 0, params, null, 2, 0).id()).isZero();
    }

    @Test
    void appliesPenaltiesAsDefined() {
        TokenCounts counts = new TokenCounts(new int[] {0, 1, 1}, 3);
        counts.addOutput(2);
        counts.addOutput(2);
        counts.addOutput(3);
        float[] logits = {2, -2, 3, 1, 5};
        counts.penalize(logits, 0.5f, 0.25f, 2);
        assertThat(logits).containsExactly(1, -4, (3 - 1 - 0.25f) / 2, (1 - 0.5f - 0.25f) / 2, 5);
    }

    @Test
    void countsManyDifferentTokens() {
        int[] prompt = IntStream.range(0, 1000).map(i -> i * 7).toArray();
        TokenCounts counts = new TokenCounts(prompt, prompt.length);
        for (int i = 0; i < 3000; i++) {
            counts.addOutput(i % 1500 * 7);
        }
        float[] logits = new float[1500 * 7];
        counts.penalize(logits, 1, 0, 1);
        for (int i = 0; i < logits.length; i++) {
            assertThat(logits[i]).isEqualTo(i % 7 == 0 ? -2f : 0f);
        }
    }

    @Test
    void reportsLogprobsOfTheRawLogits() {
        Sampler sampler = new Sampler(3, Set.of());
        SamplingParams params = new SamplingParams(
                9, 0, 2, 1, 1, 0, 0, 0, 1, Map.of(2, 100f), OptionalLong.empty(), Set.of(), false, true, 2);
        Token token = sampler.sample(tensor(1, 2, 0), 0, params, null, 0, 0);
        double sum = Math.log(Math.exp(1) + Math.exp(2) + 1);
        assertThat(token.id()).isEqualTo(2);
        assertThat(token.logprob()).isCloseTo((float) -sum, within(1e-6f));
        assertThat(token.top()).extracting(TokenLogprob::id).containsExactly(1, 0);
        assertThat(token.top().getFirst().logprob()).isCloseTo((float) (2 - sum), within(1e-6f));
        assertThat(sampler.sample(tensor(1, 2, 0), 0, SamplingParams.greedy(1), null, 0, 0))
                .isEqualTo(new Token(1, 0, List.of()));
    }

    @Test
    void takesTheLikeliestOfAFewTokens() {
        Sampler sampler = new Sampler(3, Set.of());
        SamplingParams params = new SamplingParams(
                9, 0, 0, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), Set.of(), false, true, 1);
        Token token = sampler.take(tensor(1, 2, 0), 0, params, new int[] {2});
        double sum = Math.log(Math.exp(1) + Math.exp(2) + 1);
        assertThat(token.id()).isEqualTo(2);
        assertThat(token.logprob()).isCloseTo((float) -sum, within(1e-6f));
        assertThat(token.top()).extracting(TokenLogprob::id).containsExactly(1);
        int[] several = {2, 0};
        assertThat(sampler.take(tensor(1, 2, 0), 0, SamplingParams.greedy(1), several))
                .isEqualTo(new Token(0, 0, List.of()));
    }

    @Test
    void listsAsManyAlternativesAsThereAre() {
        SamplingParams params = new SamplingParams(
                9, 0, 0, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), Set.of(), false, true, 20);
        Token token = new Sampler(3, Set.of()).sample(tensor(1, 2, 2), 0, params, null, 0, 0);
        assertThat(token.top()).extracting(TokenLogprob::id).containsExactly(1, 2, 0);
    }

    @Test
    void selectsWhatAFullSortSelects() {
        SplittableRandom random = random();
        TopSelection top = new TopSelection();
        for (int round = 0; round < 2000; round++) {
            float[] values = new float[random.nextInt(1, 400)];
            int distinct = random.nextInt(1, 60);
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextInt(distinct) - distinct / 2;
                if (random.nextInt(20) == 0) {
                    values[i] = random.nextBoolean() ? Float.NEGATIVE_INFINITY : -0f;
                }
            }
            int wanted = random.nextInt(1, 450);
            top.select(values, values.length, wanted);
            int[] expected = ranked(values).limit(wanted).toArray();
            assertThat(IntStream.range(0, top.count()).map(top::index).toArray())
                    .isEqualTo(expected);
        }
    }

    /** The draw over a fine grid of uniforms must split the interval as the naive distribution does. */
    @Test
    @Tag("slow")
    void drawsEachTokenWithItsShare() {
        SplittableRandom random = random();
        for (int round = 0; round < 300; round++) {
            float[] logits = new float[random.nextInt(2, 200)];
            for (int i = 0; i < logits.length; i++) {
                logits[i] = (float) (random.nextDouble() * 8 - 4);
            }
            Params params = new Params(
                    (float) (0.3 + random.nextDouble()),
                    random.nextBoolean() ? 1 : (float) (0.2 + 0.8 * random.nextDouble()),
                    random.nextBoolean() ? -1 : random.nextInt(2, 150),
                    random.nextBoolean() ? 0 : (float) (0.2 * random.nextDouble()),
                    0,
                    0,
                    1);
            double[] expected = naive(logits, params);
            int grid = 4000;
            double[] share = new double[logits.length];
            Sampler sampler = new Sampler(logits.length, Set.of());
            Tensor row = tensor(logits);
            SamplingParams sampling = params.sampling();
            for (int i = 0; i < grid; i++) {
                int id = sampler.sample(row, 0, sampling, null, 0, (i + 0.5) / grid)
                        .id();
                share[id] += 1.0 / grid;
            }
            for (int id = 0; id < logits.length; id++) {
                assertThat(share[id]).as("%s, id %d", params, id).isCloseTo(expected[id], within(1.0 / grid));
                if (expected[id] == 0) {
                    assertThat(share[id]).isZero();
                }
            }
        }
    }

    @Test
    void agreesWithTheDistributionByChiSquare() {
        System.out.println("SamplerTest seed " + SEED);
        float[] logits = {1.5f, 0.2f, -1, 2.2f, 0, 0.9f, -0.4f, 1.1f, -2, 1.9f};
        int draws = 200_000;
        for (Params params :
                List.of(PLAIN, new Params(0.7f, 0.9f, -1, 0, 0, 0, 1), new Params(1.3f, 1, 6, 0, 0, 0, 1))) {
            double[] expected = naive(logits, params);
            long[] counts = new long[logits.length];
            Sampler sampler = new Sampler(logits.length, Set.of());
            Tensor row = tensor(logits);
            SamplingParams sampling = params.sampling();
            for (int i = 0; i < draws; i++) {
                counts[
                        sampler.sample(row, 0, sampling, null, 0, Draw.uniform(SEED, i))
                                .id()]++;
            }
            double chiSquare = 0;
            int kept = 0;
            for (int id = 0; id < logits.length; id++) {
                if (expected[id] == 0) {
                    assertThat(counts[id]).isZero();
                } else {
                    double mean = expected[id] * draws;
                    chiSquare += (counts[id] - mean) * (counts[id] - mean) / mean;
                    kept++;
                }
            }
            // 0.999 quantile of chi-square with 9 degrees of freedom; fewer degrees have a smaller one.
            assertThat(kept).isGreaterThan(3);
            assertThat(chiSquare).isLessThan(27.9);
        }
    }

    @Test
    void drawsIndependentlyForNeighbouringSeedsAndPositions() {
        int cells = 16;
        long[][] counts = new long[cells][cells];
        int draws = 64_000;
        for (int i = 0; i < draws; i++) {
            int a = (int) (Draw.uniform(SEED + i, 5) * cells);
            int b = (int) (Draw.uniform(SEED + i, 6) * cells);
            counts[a][b]++;
        }
        double mean = (double) draws / (cells * cells);
        double chiSquare = 0;
        for (long[] row : counts) {
            for (long count : row) {
                chiSquare += (count - mean) * (count - mean) / mean;
            }
        }
        // 0.9999 quantile of chi-square with 255 degrees of freedom.
        assertThat(chiSquare).isBetween(160.0, 347.0);
    }

    @Test
    void findsANucleusThatIsWiderThanTheFirstSelection() {
        float[] logits = new float[5000];
        Sampler sampler = new Sampler(logits.length, Set.of());
        Params params = new Params(1, 0.5f, -1, 0, 0, 0, 1);
        int highest = 0;
        for (int i = 0; i < 200; i++) {
            highest = Math.max(
                    highest,
                    sampler.sample(tensor(logits), 0, params.sampling(), null, 0, i / 200.0)
                            .id());
        }
        assertThat(highest).isBetween(2400, 2500);
    }

    private record Params(
            float temperature, float topP, int topK, float minP, float frequency, float presence, float repetition) {
        SamplingParams sampling() {
            return new SamplingParams(
                    9,
                    0,
                    temperature,
                    topP,
                    topK,
                    minP,
                    frequency,
                    presence,
                    repetition,
                    Map.of(),
                    OptionalLong.empty(),
                    Set.of(),
                    false,
                    false,
                    0);
        }
    }

    /** Softmax, sort, then each filter on the whole distribution, then normalise: SGLang's reference order. */
    private static double[] naive(float[] logits, Params params) {
        double[] weights = new double[logits.length];
        double total = 0;
        float largest = Float.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        for (int i = 0; i < logits.length; i++) {
            weights[i] = Math.exp((logits[i] - largest) / params.temperature());
            total += weights[i];
        }
        double[] kept = new double[logits.length];
        double before = 0;
        double sum = 0;
        int rank = 0;
        for (int id : ranked(logits).toArray()) {
            double probability = weights[id] / total;
            boolean keep = (params.topK() == -1 || rank < params.topK())
                    && before <= params.topP()
                    && weights[id] >= params.minP();
            if (keep) {
                kept[id] = probability;
                sum += probability;
            }
            before += probability;
            rank++;
        }
        for (int id = 0; id < kept.length; id++) {
            kept[id] /= sum;
        }
        return kept;
    }

    private static IntStream ranked(float[] values) {
        Comparator<Integer> order = Comparator.comparingDouble(i -> -(values[i] + 0.0));
        return IntStream.range(0, values.length)
                .boxed()
                .sorted(order.thenComparingInt(i -> i))
                .mapToInt(Integer::intValue);
    }

    private static int greedy(float... logits) {
        return new Sampler(logits.length, Set.of())
                .sample(tensor(logits), 0, SamplingParams.greedy(1), null, 0, 0)
                .id();
    }

    private static SplittableRandom random() {
        System.out.println("SamplerTest seed " + SEED);
        return new SplittableRandom(SEED);
    }

    private static Tensor tensor(float... values) {
        return new Tensor(MemorySegment.ofArray(values), 1, values.length);
    }
}
