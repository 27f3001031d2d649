package dev.fathom.kernels.cuda;

import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.RouterRule;
import dev.fathom.kernels.RouterRule.GroupScore;
import dev.fathom.kernels.RouterRule.Scoring;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Choosing experts, sorting tokens by them, and adding up what they gave. */
final class CudaRouter {
    private static final int MOST_GROUPS = 32;
    private static final int MOST_EXPERTS = 2048;
    private static final int PLAN_THREADS = 1024;

    /** Up to so many choices one block sorts them as fast as many. */
    private static final int FEW_CHOICES = 1024;

    private final Launch launch;
    private final Kernel route;
    private final Kernel plan;
    private final Kernel planCounts;
    private final Kernel planPlaces;
    private final Kernel sum;

    CudaRouter(CudaKernels kernels, Launch launch) {
        this.launch = launch;
        route = kernels.kernel("route");
        plan = kernels.kernel("plan");
        planCounts = kernels.kernel("plan_counts");
        planPlaces = kernels.kernel("plan_places");
        sum = kernels.kernel("sum_experts");
    }

    /**
     * Each token's experts, ascending, and their weights.
     *
     * @param chosen   address of [tokens, topK] ints
     * @param weights  address of [tokens, topK] floats
     */
    void route(Tensor logits, Tensor correctionBias, RouterRule rule, long chosen, long weights) {
        OpShapes.route(logits, correctionBias, rule);
        if (rule.groups() > MOST_GROUPS || rule.experts() > MOST_EXPERTS) {
            throw new IllegalArgumentException("route: rule: " + rule.groups() + " groups of " + rule.experts()
                    + " experts; the CUDA kernel takes up to " + MOST_GROUPS + " groups and " + MOST_EXPERTS
                    + " experts");
        }
        launch.begin()
                .put("logits", logits)
                .put("correctionBias", correctionBias)
                .put(rule.scoring() == Scoring.SIGMOID)
                .put((long) rule.experts())
                .put((long) rule.topK())
                .put((long) rule.groups())
                .put((long) rule.topGroups())
                .put(rule.groupScore() == GroupScore.TOP2_SUM)
                .put(rule.normalize())
                .put((double) rule.scale())
                .put(chosen)
                .put(weights)
                .run(route, new Grid(logits.rows(), 1, 1, 32), 8L * rule.experts() + 4L * rule.topK());
    }

    /** Routes and sorts; the plan lives in {@code scratch}. */
    CudaExperts.DevicePlan plan(Tensor logits, Tensor correctionBias, RouterRule rule, StepScratch scratch) {
        int tokens = logits.rows();
        long choices = (long) tokens * rule.topK();
        long chosen = ints(scratch, choices);
        long weights = ints(scratch, choices);
        long starts = ints(scratch, rule.experts() + 1L);
        long tokenRow = ints(scratch, choices);
        long expertOf = ints(scratch, choices);
        long ofToken = ints(scratch, choices);
        route(logits, correctionBias, rule, chosen, weights);
        if (choices <= FEW_CHOICES) {
            launch.begin()
                    .put(chosen)
                    .put(choices)
                    .put((long) rule.topK())
                    .put((long) rule.experts())
                    .put(starts)
                    .put(tokenRow)
                    .put(expertOf)
                    .put(ofToken)
                    .run(plan, new Grid(1, 1, 1, PLAN_THREADS));
        } else {
            long counts = ints(scratch, rule.experts());
            Grid grid = new Grid(rule.experts(), 1, 1, PLAN_THREADS);
            launch.begin().put(chosen).put(choices).put(counts).run(planCounts, grid);
            launch.begin()
                    .put(chosen)
                    .put(choices)
                    .put((long) rule.topK())
                    .put((long) rule.experts())
                    .put(counts)
                    .put(starts)
                    .put(tokenRow)
                    .put(expertOf)
                    .put(ofToken)
                    .run(planPlaces, grid);
        }
        return new CudaExperts.DevicePlan(tokens, rule.topK(), starts, tokenRow, expertOf, ofToken, weights);
    }

    /** Address of so many ints, or floats. */
    private static long ints(StepScratch scratch, long count) {
        MemorySegment memory = scratch.bytes(4 * count);
        return DeviceMemory.address(memory, "scratch");
    }

    /** @param results [assignments, hidden] */
    void sum(Tensor results, CudaExperts.DevicePlan plan, Tensor out) {
        launch.begin()
                .put("scratch", results)
                .put(plan.ofToken())
                .put(plan.weight())
                .put((long) plan.topK())
                .put("out", out)
                .put((long) out.cols())
                .run(sum, Grid.rows(plan.tokens()));
    }
}
