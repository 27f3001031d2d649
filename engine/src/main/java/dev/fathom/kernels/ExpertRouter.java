package dev.fathom.kernels;

import dev.fathom.kernels.RouterRule.GroupScore;
import dev.fathom.kernels.RouterRule.Scoring;
import dev.fathom.tensor.Tensor;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Chooses experts for each token; the one implementation of {@link KernelBackend#route} for backends on the host, since
 * it is a few hundred comparisons a token. Scores are float32 (each rounded once from double), as are sums of scores:
 * ties that exist in float32 go to the lower index.
 */
public final class ExpertRouter {
    /** A token takes some microseconds, which is what waking a thread takes. */
    private static final int TOKENS_OF_A_PART = 8;

    private final RouterRule rule;
    private final float[] bias;
    private final float[] scores;
    private final float[] biased;
    private final float[] groupScores;
    private final boolean[] keep;
    private final boolean[] taken;

    private ExpertRouter(RouterRule rule, float[] bias) {
        this.rule = rule;
        this.bias = bias;
        scores = new float[rule.experts()];
        biased = new float[rule.experts()];
        groupScores = new float[rule.groups()];
        keep = new boolean[rule.groups()];
        taken = new boolean[rule.experts()];
    }

    /** As {@link KernelBackend#route}, by the calling thread alone. */
    public static ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule) {
        return route(logits, correctionBias, rule, task -> task.run(0, 1));
    }

    /** As {@link KernelBackend#route}; many tokens are shared out to the pool's threads. */
    public static ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule, WorkerPool pool) {
        int parts = Math.clamp(logits.rows() / TOKENS_OF_A_PART, 1, pool.threads());
        return route(logits, correctionBias, rule, task -> pool.run(parts, task));
    }

    private static ExpertPlan route(
            Tensor logits, Tensor correctionBias, RouterRule rule, Consumer<WorkerPool.PartTask> runner) {
        OpShapes.route(logits, correctionBias, rule);
        int tokens = logits.rows();
        int[] chosen = new int[Math.multiplyExact(tokens, rule.topK())];
        float[] weights = new float[chosen.length];
        float[] bias = correctionBias.toArray();
        runner.accept((part, parts) -> {
            ExpertRouter router = new ExpertRouter(rule, bias);
            int end = (int) ((long) tokens * (part + 1) / parts);
            for (int t = (int) ((long) tokens * part / parts); t < end; t++) {
                router.scoreExperts(logits, t);
                router.keepBestGroups();
                router.choose(chosen, weights, t * rule.topK());
            }
        });
        return ExpertPlan.of(tokens, rule.topK(), rule.experts(), chosen, weights);
    }

    private void scoreExperts(Tensor logits, int token) {
        int experts = rule.experts();
        if (rule.scoring() == Scoring.SIGMOID) {
            for (int e = 0; e < experts; e++) {
                scores[e] = (float) (1 / (1 + Math.exp(-(double) logits.get(token, e))));
            }
        } else {
            double max = Double.NEGATIVE_INFINITY;
            for (int e = 0; e < experts; e++) {
                max = Math.max(max, logits.get(token, e));
            }
            double sum = 0;
            for (int e = 0; e < experts; e++) {
                sum += Math.exp(logits.get(token, e) - max);
            }
            for (int e = 0; e < experts; e++) {
                scores[e] = (float) (Math.exp(logits.get(token, e) - max) / sum);
            }
        }
        for (int e = 0; e < experts; e++) {
            biased[e] = scores[e] + bias[e];
        }
    }

    /** Experts of groups that are not kept get a biased score of negative infinity. */
    private void keepBestGroups() {
        int groups = rule.groups();
        if (rule.topGroups() == groups) {
            return;
        }
        int size = rule.experts() / groups;
        for (int g = 0; g < groups; g++) {
            float best = Float.NEGATIVE_INFINITY;
            float second = Float.NEGATIVE_INFINITY;
            for (int e = g * size; e < (g + 1) * size; e++) {
                if (biased[e] > best) {
                    second = best;
                    best = biased[e];
                } else if (biased[e] > second) {
                    second = biased[e];
                }
            }
            groupScores[g] = rule.groupScore() == GroupScore.MAX || size == 1 ? best : best + second;
        }
        Arrays.fill(keep, false);
        for (int k = 0; k < rule.topGroups(); k++) {
            int best = -1;
            for (int g = 0; g < groups; g++) {
                if (!keep[g] && (best < 0 || groupScores[g] > groupScores[best])) {
                    best = g;
                }
            }
            keep[best] = true;
        }
        for (int g = 0; g < groups; g++) {
            if (!keep[g]) {
                Arrays.fill(biased, g * size, (g + 1) * size, Float.NEGATIVE_INFINITY);
            }
        }
    }

    private void choose(int[] chosen, float[] weights, int at) {
        int topK = rule.topK();
        Arrays.fill(taken, false);
        double sum = 0;
        for (int k = 0; k < topK; k++) {
            int best = -1;
            for (int e = 0; e < biased.length; e++) {
                if (!taken[e] && (best < 0 || biased[e] > biased[best])) {
                    best = e;
                }
            }
            chosen[at + k] = best;
            weights[at + k] = scores[best];
            sum += scores[best];
            taken[best] = true;
        }
        double factor = rule.normalize() ? rule.scale() / (sum + 1e-20) : rule.scale();
        for (int k = 0; k < topK; k++) {
            weights[at + k] = (float) (weights[at + k] * factor);
        }
    }
}
