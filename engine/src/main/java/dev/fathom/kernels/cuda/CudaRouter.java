package dev.fathom.kernels.cuda;

import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.RouterRule;
import dev.fathom.kernels.RouterRule.GroupScore;
import dev.fathom.kernels.RouterRule.Scoring;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Choosing experts, sorting tokens by them, and adding up what they gave. */
final class CudaRouter {
    private static final int MOST_GROUPS = 32;
    private static final int MOST_EXPERTS = 2048;
    private static final int PLAN_THREADS = 1024;
    private static final int MOST_SHARED = 72 << 10;

    /** Up to so many choices one block sorts them as fast as many. */
    private static final int FEW_CHOICES = 256;

    /** One block routes and sorts up to so many tokens, a warp each, of up to so many choices. */
    private static final int FEW_TOKENS = 32;

    private static final int SUM_THREADS = 256;

    private final Launch launch;
    private final Kernel route;
    private final Kernel routePlan;
    private final Kernel plan;
    private final Kernel planCounts;
    private final Kernel planPlaces;
    private final Kernel sum;

    CudaRouter(CudaKernels kernels, Launch launch) {
        this.launch = launch;
        route = kernels.kernel("route");
        routePlan = kernels.kernel("route_plan", MOST_SHARED);
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
        put(begin(logits, correctionBias, rule), rule)
                .put(chosen)
                .put(weights)
                .run(route, new Grid(logits.rows(), 1, 1, 32), 8L * rule.experts());
    }

    private Launch begin(Tensor logits, Tensor correctionBias, RouterRule rule) {
        OpShapes.route(logits, correctionBias, rule);
        if (rule.groups() > MOST_GROUPS || rule.experts() > MOST_EXPERTS) {
            throw new IllegalArgumentException("route: rule: " + rule.groups() + " groups of " + rule.experts()
                    + " experts; the CUDA kernel takes up to " + MOST_GROUPS + " groups and " + MOST_EXPERTS
                    + " experts");
        }
        return launch.begin().put("logits", logits).put("correctionBias", correctionBias);
    }

    /** {@code struct Rule} of experts.cu. */
    private static Launch put(Launch to, RouterRule rule) {
        return to.put(rule.scoring() == Scoring.SIGMOID)
                .put((long) rule.experts())
                .put((long) rule.topK())
                .put((long) rule.groups())
                .put((long) rule.topGroups())
                .put(rule.groupScore() == GroupScore.TOP2_SUM)
                .put(rule.normalize())
                .put((double) rule.scale());
    }

    /** Routes on the device and sorts on the host. */
    ExpertPlan plan(Tensor logits, Tensor correctionBias, RouterRule rule, CudaDevice device, Staging staging) {
        int choices = Math.multiplyExact(logits.rows(), rule.topK());
        MemorySegment both = device.allocate(8L * choices);
        try {
            route(logits, correctionBias, rule, both.address(), both.address() + 4L * choices);
            MemorySegment host = staging.fetch(both.address(), both.byteSize());
            return ExpertPlan.of(
                    logits.rows(),
                    rule.topK(),
                    rule.experts(),
                    host.asSlice(0, 4L * choices).toArray(ValueLayout.JAVA_INT),
                    host.asSlice(4L * choices).toArray(ValueLayout.JAVA_FLOAT));
        } finally {
            device.free(both);
        }
    }

    /** Routes and sorts; the plan lives in {@code scratch}. */
    CudaExperts.DevicePlan plan(Tensor logits, Tensor correctionBias, RouterRule rule, StepScratch scratch) {
        int tokens = logits.rows();
        long choices = (long) tokens * rule.topK();
        long weights = ints(scratch, choices);
        long starts = ints(scratch, rule.experts() + 1L);
        long tokenRow = ints(scratch, choices);
        long expertOf = ints(scratch, choices);
        long ofToken = ints(scratch, choices);
        CudaExperts.DevicePlan result =
                new CudaExperts.DevicePlan(tokens, rule.topK(), starts, tokenRow, expertOf, ofToken, weights);
        long shared = 8L * tokens * rule.experts() + 4 * choices;
        if (tokens <= FEW_TOKENS && choices <= FEW_CHOICES && shared <= MOST_SHARED) {
            put(begin(logits, correctionBias, rule), rule)
                    .put(weights)
                    .put((long) tokens)
                    .put(starts)
                    .put(tokenRow)
                    .put(expertOf)
                    .put(ofToken)
                    .run(routePlan, new Grid(1, 1, 1, Math.max(128, 32 * tokens)), shared);
            return result;
        }
        long chosen = ints(scratch, choices);
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
        return result;
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
                .run(sum, new Grid(plan.tokens(), Math.ceilDiv(out.cols(), 4 * SUM_THREADS), 1, SUM_THREADS));
    }
}
