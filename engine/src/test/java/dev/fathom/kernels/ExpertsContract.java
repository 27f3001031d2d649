package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.kernels.RouterRule.GroupScore;
import dev.fathom.kernels.RouterRule.Scoring;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Routed experts. */
abstract class ExpertsContract extends RouterContract {
    private static final int EXPERTS = 7;
    private static final int TOP_K = 3;

    private List<ExpertWeights> experts(Format format, int hidden, int inner) {
        List<ExpertWeights> experts = new ArrayList<>();
        for (int e = 0; e < EXPERTS; e++) {
            experts.add(new ExpertWeights(
                    weight(format, inner, hidden), weight(format, inner, hidden), weight(format, hidden, inner)));
        }
        return experts;
    }

    /** Random choices; expert 5 is never chosen, expert 2 by every token. */
    private int[] choices(int tokens) {
        int[] chosen = new int[tokens * TOP_K];
        for (int t = 0; t < tokens; t++) {
            int first = random.nextBoolean() ? 0 : 6;
            int other = random.nextBoolean() ? 1 : 3 + random.nextInt(2);
            chosen[t * TOP_K] = first;
            chosen[t * TOP_K + 1] = 2;
            chosen[t * TOP_K + 2] = other;
        }
        return chosen;
    }

    @ParameterizedTest
    @EnumSource
    void addsUpWeightedExperts(Format format) {
        for (int[] shape : new int[][] {{1, 1}, {9, 5}, {64, 40}, {130, 70}, {48, 200}, {256, 128}}) {
            checkExperts(experts(format, shape[0], shape[1]), format.name());
        }
    }

    /** Seven experts, for several numbers of tokens, together and each token alone. */
    void checkExperts(List<ExpertWeights> weights, String format) {
        int hidden = weights.getFirst().gate().cols();
        ExpertsKernel kernel = kernels.bindExperts(weights);
        for (int tokens : new int[] {1, 2, 5, 21}) {
            Tensor x = gaussian(tokens, hidden);
            int[] chosen = choices(tokens);
            float[] routing = new float[chosen.length];
            for (int i = 0; i < routing.length; i++) {
                routing[i] = (float) random.nextDouble();
            }
            ExpertPlan plan = ExpertPlan.of(tokens, TOP_K, EXPERTS, chosen, routing);
            Tensor out = tensor(tokens, hidden);
            try (StepScratch scratch = new StepScratch(1 << 16)) {
                kernel.apply(x, plan, out, scratch);
                for (int t = 0; t < tokens; t++) {
                    check(weights, x, t, chosen, routing, out, format + " " + tokens + " tokens");
                    scratch.reset();
                    assertSameAlone(kernel, x, t, chosen, routing, out, scratch);
                }
            }
        }
    }

    private void assertSameAlone(
            ExpertsKernel kernel, Tensor x, int t, int[] chosen, float[] routing, Tensor out, StepScratch scratch) {
        // The order of choices within a token must not matter: it is turned round here.
        int[] one = new int[TOP_K];
        float[] oneRouting = new float[TOP_K];
        for (int k = 0; k < TOP_K; k++) {
            one[k] = chosen[t * TOP_K + TOP_K - 1 - k];
            oneRouting[k] = routing[t * TOP_K + TOP_K - 1 - k];
        }
        Tensor alone = tensor(1, x.cols());
        kernel.apply(x.rows(t, 1), ExpertPlan.of(1, TOP_K, EXPERTS, one, oneRouting), alone, scratch);
        assertSameAlone(alone, out.rows(t, 1), "token " + t + " alone");
    }

    @ParameterizedTest
    @EnumSource
    void joinsTwoWeights(Format format) {
        for (int[] shape : new int[][] {{9, 5}, {40, 70}, {256, 72}}) {
            WeightMatrix gate = weight(format, shape[1], shape[0]);
            WeightMatrix up = weight(format, shape[1], shape[0]);
            GatedKernel kernel = kernels.bindGated(gate, up);
            for (int m : new int[] {1, 3, 12, 40}) {
                Tensor x = gaussian(m, shape[0], 0.1);
                Tensor out = tensor(m, shape[1]);
                try (StepScratch scratch = new StepScratch(64)) {
                    kernel.apply(x, out, scratch);
                }
                for (int r = 0; r < m; r++) {
                    for (int o = 0; o < shape[1]; o++) {
                        Active active = active(gate, up, o, x, r);
                        assertWithin(out.get(r, o), active.value, active.bound, format + " [" + r + ", " + o + "]");
                    }
                }
            }
        }
    }

    /** silu of a gate's output times the companion's, and how far off it may be. */
    private record Active(double value, double bound) {}

    private Active active(WeightMatrix gateWeight, WeightMatrix upWeight, int output, Tensor x, int row) {
        Dot gate = dot(gateWeight, output, x, row, 0);
        Dot up = dot(upWeight, output, x, row, 0);
        double silu = gate.sum() / (1 + Math.exp(-gate.sum()));
        double value = silu * up.sum();
        // The slope of silu is below 1.1 everywhere.
        double bound = 1.1 * gate.bound() * (Math.abs(up.sum()) + up.bound())
                + Math.abs(silu) * up.bound()
                + 12 * U * Math.abs(value)
                + TINY;
        return new Active(value, bound);
    }

    private void check(
            List<ExpertWeights> weights, Tensor x, int t, int[] chosen, float[] routing, Tensor out, String what) {
        int hidden = x.cols();
        int inner = weights.getFirst().gate().rows();
        double[] sum = new double[hidden];
        double[] bound = new double[hidden];
        for (int k = t * TOP_K; k < (t + 1) * TOP_K; k++) {
            ExpertWeights expert = weights.get(chosen[k]);
            double[] active = new double[inner];
            double[] activeBound = new double[inner];
            double rounding = roundsToBf16(expert.down()) ? 0x1p-8 : 0;
            for (int i = 0; i < inner; i++) {
                Active one = active(expert.gate(), expert.up(), i, x, t);
                active[i] = one.value;
                activeBound[i] = one.bound + rounding * Math.abs(one.value);
            }
            if (RoundedInput.appliesTo(expert.down())) {
                round(active, activeBound, RoundedInput.group(expert.down()));
            }
            for (int o = 0; o < hidden; o++) {
                Dot down = dot(expert.down(), o, active);
                double carried = 0;
                for (int i = 0; i < inner; i++) {
                    carried += Math.abs(expert.down().get(o, i)) * activeBound[i];
                }
                sum[o] += routing[k] * down.sum();
                bound[o] += routing[k] * (carried * 1.01 + 9 * down.bound());
            }
        }
        for (int o = 0; o < hidden; o++) {
            assertWithin(out.get(t, o), sum[o], bound[o], what + " token " + t + " number " + o);
        }
    }

    /**
     * Rounds numbers in groups to 127 steps of the largest. A number so near the middle between two steps that its
     * error decides may be off by a step.
     */
    private static void round(double[] numbers, double[] bounds, int group) {
        for (int from = 0; from < numbers.length; from += group) {
            int end = Math.min(numbers.length, from + group);
            double largest = 0;
            double largestBound = 0;
            for (int i = from; i < end; i++) {
                largest = Math.max(largest, Math.abs(numbers[i]));
                largestBound = Math.max(largestBound, bounds[i]);
            }
            double step = largest / 127;
            double relative = largest == 0 ? 0 : largestBound / largest + 4 * U;
            for (int i = from; i < end; i++) {
                double steps = step == 0 ? 0 : numbers[i] / step;
                double off = step == 0 ? 0 : bounds[i] / step + Math.abs(steps) * relative;
                boolean either = 0.5 - Math.abs(steps - Math.rint(steps)) <= off;
                numbers[i] = Math.rint(steps) * step;
                bounds[i] = (either ? step : 0) + Math.abs(numbers[i]) * relative;
            }
        }
    }

    @Test
    void splitsExpertsOverThreads() {
        List<ExpertWeights> weights = experts(Format.FP8, 256, 192);
        ExpertsKernel kernel = kernels.bindExperts(weights);
        for (int tokens : new int[] {1, 9}) {
            Tensor x = gaussian(tokens, 256, 0.01);
            int[] chosen = choices(tokens);
            float[] routing = new float[chosen.length];
            Arrays.fill(routing, 0.5f);
            Tensor out = tensor(tokens, 256);
            try (StepScratch scratch = new StepScratch(64)) {
                kernel.apply(x, ExpertPlan.of(tokens, TOP_K, EXPERTS, chosen, routing), out, scratch);
            }
            check(weights, x, tokens - 1, chosen, routing, out, tokens + " tokens");
        }
    }

    /** So many tokens that every expert has many. */
    @Test
    void appliesExpertsToManyTokens() {
        for (int tokens : new int[] {40, 90, 700}) {
            List<ExpertWeights> weights = experts(Format.BF16, 256, tokens == 700 ? 1024 : 128);
            Tensor x = gaussian(tokens, 256, 0.1);
            int[] chosen = choices(tokens);
            float[] routing = new float[chosen.length];
            Arrays.fill(routing, 0.5f);
            Tensor out = tensor(tokens, 256);
            try (StepScratch scratch = new StepScratch(64)) {
                kernels.bindExperts(weights)
                        .apply(x, ExpertPlan.of(tokens, TOP_K, EXPERTS, chosen, routing), out, scratch);
            }
            for (int t = 0; t < tokens; t += 1 + t / 3) {
                check(weights, x, t, chosen, routing, out, tokens + " tokens");
            }
        }
    }

    @Test
    void readsOnlyTheChosenExperts() {
        List<ExpertWeights> weights = experts(Format.F32, 20, 12);
        for (int i = 0; i < 20 * 12; i++) {
            ((F32Matrix) weights.get(5).down()).data().set(Tensor.F32, 4L * i, Float.NaN);
        }
        Tensor out = tensor(4, 20);
        try (StepScratch scratch = new StepScratch(64)) {
            float[] routing = new float[4 * TOP_K];
            ExpertPlan plan = ExpertPlan.of(4, TOP_K, EXPERTS, choices(4), routing);
            kernels.bindExperts(weights).apply(gaussian(4, 20), plan, out, scratch);
        }
        for (float v : out.toArray()) {
            assertThat(v).isEqualTo(0f);
        }
    }

    @Test
    void refusesExpertsOfWrongShapes() {
        List<ExpertWeights> mixed = new ArrayList<>(experts(Format.F32, 20, 12));
        mixed.set(3, experts(Format.BF16, 20, 12).get(3));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.bindExperts(mixed))
                .withMessageContaining("number 3");
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.bindExperts(List.of()));
        ExpertsKernel kernel = kernels.bindExperts(experts(Format.F32, 20, 12));
        ExpertPlan plan = ExpertPlan.of(2, 1, EXPERTS, new int[2], new float[2]);
        try (StepScratch scratch = new StepScratch(64)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernel.apply(tensor(3, 20), plan, tensor(2, 20), scratch))
                    .withMessageContaining("x");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernel.apply(tensor(2, 20), plan, tensor(2, 19), scratch))
                    .withMessageContaining("out");
            ExpertPlan other = ExpertPlan.of(2, 1, 8, new int[2], new float[2]);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernel.apply(tensor(2, 20), other, tensor(2, 20), scratch))
                    .withMessageContaining("plan");
        }
    }

    /** Bit for bit what routing first and applying then gives. */
    @Test
    void routesAndAppliesAtOnce() {
        RouterRule rule = new RouterRule(Scoring.SIGMOID, 7, 3, 1, 1, GroupScore.MAX, true, 2.5f);
        Tensor zero = tensor(1, 7);
        zero.fill(0);
        for (Format format : new Format[] {Format.BF16, Format.FP8}) {
            ExpertsKernel kernel = kernels.bindExperts(experts(format, 48, 200));
            for (int tokens : new int[] {1, 2, 45}) {
                Tensor x = gaussian(tokens, 48);
                Tensor logits = gaussian(tokens, 7);
                Tensor one = tensor(tokens, 48);
                Tensor other = tensor(tokens, 48);
                try (StepScratch scratch = new StepScratch(64)) {
                    kernel.apply(x, kernels.route(logits, zero, rule), one, scratch);
                    scratch.reset();
                    kernels.applyExperts(kernel, x, logits, zero, rule, other, scratch);
                }
                assertSameBits(other, one, tokens + " tokens");
            }
        }
    }
}
