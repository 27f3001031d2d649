package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.GoldenRun;
import dev.fathom.model.GoldenRunner;
import dev.fathom.model.ModelOptions;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What rounding the cache to BF16 does to the logits of every prompt position. It moves them a little; where it makes
 * the router choose another expert, it moves them much, at that position and at those that read it.
 */
@Tag("slow")
class Bf16CacheTest {
    private static final float BOUND = NanoGoldenMatrixTest.BF16_CACHE_BOUND;

    @ParameterizedTest
    @ValueSource(strings = {"fp8", "bf16"})
    void movesLogitsMuchOnlyWhereTheRouterChoseOtherExperts(String weights) {
        List<GoldenCase> prompts = GoldenCase.nano("nano_" + weights).stream()
                .map(golden -> golden.withGreedy(1))
                .toList();
        List<ExpertPlan> exactPlans = new ArrayList<>();
        List<ExpertPlan> roundedPlans = new ArrayList<>();
        try (NanoModel nano = NanoModel.open(weights, "vector", ModelOptions.DEFAULT)) {
            GoldenRun.Outcome exact = new GoldenRun(KvFormat.F32, true, 4096, false)
                    .of(nano.model(), recording(nano.kernels(), exactPlans), prompts);
            GoldenRun.Outcome rounded = new GoldenRun(KvFormat.BF16, true, 4096, false)
                    .of(nano.model(), recording(nano.kernels(), roundedPlans), prompts);
            int row = 0;
            int rerouted = 0;
            int beyond = 0;
            float worstBefore = 0;
            float worst = 0;
            for (int i = 0; i < prompts.size(); i++) {
                boolean sinceReroute = false;
                for (int position = 0; position < prompts.get(i).prompt().length; position++, row++) {
                    float difference = GoldenRunner.difference(
                            exact.sequences().get(i).promptLogits().get(position),
                            rounded.sequences().get(i).promptLogits().get(position));
                    boolean here = !sameExperts(exactPlans, roundedPlans, row);
                    sinceReroute |= here;
                    rerouted += here ? 1 : 0;
                    beyond += difference > BOUND ? 1 : 0;
                    worst = Math.max(worst, difference);
                    worstBefore = sinceReroute ? worstBefore : Math.max(worstBefore, difference);
                }
            }
            System.out.printf(
                    "%s: of %d positions %d have other experts, %d differ by more than %.1f;"
                            + " logits differ by up to %.3f before the first other expert, by up to %.3f in all%n",
                    weights, row, rerouted, beyond, BOUND, worstBefore, worst);
            assertThat(worstBefore).isLessThan(BOUND);
            assertThat((double) beyond / row).isLessThan(0.03);
        }
    }

    /** The same kernels, noting every routing. */
    private static KernelBackend recording(KernelBackend kernels, List<ExpertPlan> plans) {
        return (KernelBackend) Proxy.newProxyInstance(
                Bf16CacheTest.class.getClassLoader(),
                new Class<?>[] {KernelBackend.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("applyExperts")) { // routes by calling the proxy
                        return InvocationHandler.invokeDefault(proxy, method, arguments);
                    }
                    try {
                        Object result = method.invoke(kernels, arguments);
                        if (result instanceof ExpertPlan plan) {
                            plans.add(plan);
                        }
                        return result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static boolean sameExperts(List<ExpertPlan> a, List<ExpertPlan> b, int row) {
        for (int layer = 0; layer < a.size(); layer++) {
            if (!experts(a.get(layer), row).equals(experts(b.get(layer), row))) {
                return false;
            }
        }
        return true;
    }

    private static BitSet experts(ExpertPlan plan, int token) {
        BitSet experts = new BitSet();
        for (int choice = 0; choice < plan.topK(); choice++) {
            int assignment = plan.ofToken()[token * plan.topK() + choice];
            int expert = 0;
            while (plan.expertStart()[expert + 1] <= assignment) {
                expert++;
            }
            experts.set(expert);
        }
        return experts;
    }
}
