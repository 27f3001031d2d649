package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.kernels.RouterRule.GroupScore;
import dev.fathom.kernels.RouterRule.Scoring;
import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which experts a token gets, and with which weights. */
abstract class RouterContract extends Fp8CacheContract {
    @Test
    void routesAsEachGenerationDefinesIt() {
        for (RouterRule rule : List.of(
                new RouterRule(Scoring.SOFTMAX, 64, 6, 1, 1, GroupScore.MAX, false, 1f),
                new RouterRule(Scoring.SOFTMAX, 160, 6, 8, 3, GroupScore.MAX, false, 16f),
                new RouterRule(Scoring.SIGMOID, 256, 8, 8, 4, GroupScore.TOP2_SUM, true, 2.5f),
                new RouterRule(Scoring.SIGMOID, 8, 2, 4, 1, GroupScore.TOP2_SUM, true, 1f),
                new RouterRule(Scoring.SIGMOID, 4, 2, 4, 2, GroupScore.TOP2_SUM, true, 1f),
                new RouterRule(Scoring.SOFTMAX, 3, 3, 1, 1, GroupScore.MAX, true, 1f))) {
            Tensor logits = gaussian(40, rule.experts(), 2);
            // In half the rows only a few values occur, so that there are ties of experts and of groups.
            for (int t = 0; t < 20; t++) {
                for (int e = 0; e < rule.experts(); e++) {
                    logits.set(t, e, Math.round(logits.get(t, e)));
                }
            }
            Tensor zero = tensor(1, rule.experts());
            zero.fill(0);
            checkRoutes(logits, zero, rule);
            checkRoutes(logits, gaussian(1, rule.experts(), 0.3), rule);
        }
    }

    private void checkRoutes(Tensor logits, Tensor bias, RouterRule rule) {
        ExpertPlan plan = kernels.route(logits, bias, rule);
        assertThat(plan.tokens()).isEqualTo(logits.rows());
        assertThat(plan.experts()).isEqualTo(rule.experts());
        for (int t = 0; t < logits.rows(); t++) {
            float[] scores = scores(logits, t, rule);
            List<Integer> chosen = choose(scores, bias, rule);
            double sum = chosen.stream().mapToDouble(e -> scores[e]).sum();
            List<Integer> got = new ArrayList<>();
            for (int k = t * rule.topK(); k < (t + 1) * rule.topK(); k++) {
                int assignment = plan.ofToken()[k];
                assertThat(plan.tokenRow()[assignment]).isEqualTo(t);
                int expert = 0;
                while (plan.expertStart()[expert + 1] <= assignment) {
                    expert++;
                }
                got.add(expert);
                double weight = scores[expert] * (double) rule.scale() / (rule.normalize() ? sum + 1e-20 : 1);
                assertWithin(plan.weight()[assignment], weight, 8 * U * weight, "weight of expert " + expert);
            }
            assertThat(got)
                    .as("token %d of %s", t, rule)
                    .containsExactlyElementsOf(chosen.stream().sorted().toList());
        }
    }

    private static float[] scores(Tensor logits, int t, RouterRule rule) {
        double sum = 0;
        for (int e = 0; e < rule.experts(); e++) {
            sum += Math.exp(logits.get(t, e));
        }
        float[] scores = new float[rule.experts()];
        for (int e = 0; e < rule.experts(); e++) {
            double exp = Math.exp(logits.get(t, e));
            scores[e] = (float) (rule.scoring() == Scoring.SIGMOID ? exp / (1 + exp) : exp / sum);
        }
        return scores;
    }

    /** By sorting, the plain way: a stable sort by falling score leaves ties in ascending order. */
    private static List<Integer> choose(float[] scores, Tensor bias, RouterRule rule) {
        int size = rule.experts() / rule.groups();
        Comparator<Integer> byScore = Comparator.comparingDouble((Integer e) -> scores[e] + bias.get(0, e))
                .reversed();
        Comparator<Integer> byGroup = Comparator.comparingDouble((Integer g) -> {
                    List<Integer> best = IntStream.range(g * size, (g + 1) * size)
                            .boxed()
                            .sorted(byScore)
                            .limit(rule.groupScore() == GroupScore.MAX ? 1 : 2)
                            .toList();
                    float score = 0;
                    for (int e : best) {
                        score += scores[e] + bias.get(0, e);
                    }
                    return score;
                })
                .reversed();
        List<Integer> groups = IntStream.range(0, rule.groups())
                .boxed()
                .sorted(byGroup)
                .limit(rule.topGroups())
                .toList();
        return IntStream.range(0, rule.experts())
                .boxed()
                .filter(e -> groups.contains(e / size))
                .sorted(byScore)
                .limit(rule.topK())
                .toList();
    }

    @Test
    void survivesRoutingNotANumber() {
        RouterRule rule = new RouterRule(Scoring.SIGMOID, 16, 4, 4, 2, GroupScore.TOP2_SUM, true, 2.5f);
        Tensor logits = tensor(1, 16);
        logits.fill(Float.NaN);
        Tensor zero = tensor(1, 16);
        zero.fill(0);
        ExpertPlan plan = kernels.route(logits, zero, rule);
        assertThat(plan.ofToken()).hasSize(4).doesNotHaveDuplicates();
        assertThat(plan.weight()[0]).isNaN();
    }

    @Test
    void refusesLogitsOfWrongShapes() {
        RouterRule rule = new RouterRule(Scoring.SIGMOID, 16, 4, 4, 2, GroupScore.TOP2_SUM, true, 2.5f);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.route(tensor(2, 15), tensor(1, 16), rule))
                .withMessageContaining("logits");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.route(tensor(2, 16), tensor(1, 15), rule))
                .withMessageContaining("correctionBias");
    }
}
