package dev.fathom.kernels.cuda;

import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.RouterRule;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** Routed experts of one layer, each projection's weights one behind the other in device memory. */
final class CudaExperts implements ExpertsKernel {
    private final int experts;
    private final Stack gate;
    private final Stack up;
    private final Stack down;
    private final CudaRows rows;
    private final CudaRouter router;
    private final Staging staging;

    CudaExperts(List<ExpertWeights> experts, CudaStack stack, CudaRows rows, CudaRouter router, Staging staging) {
        this.experts = experts.size();
        gate = stack.of(experts, ExpertWeights::gate);
        up = stack.of(experts, ExpertWeights::up);
        down = stack.of(experts, ExpertWeights::down);
        this.rows = rows;
        this.router = router;
        this.staging = staging;
    }

    /** The same projection of all experts. */
    record Stack(CudaLinear first, CudaLinear.Series series) {
        /** See {@link CudaLinear#experts}. */
        void apply(CudaLinear.Input x, Tensor y, CudaLinear.Assignments assignments) {
            first.experts(series, x, DeviceMemory.address(y, "scratch"), assignments, null);
        }

        CudaLinear.Input input(Tensor x, CudaLinear.Assignments assignments) {
            return first.input(x, series, assignments);
        }
    }

    /** Where {@link ExpertPlan} lies on the device, weights in the order of {@code ofToken}. */
    record DevicePlan(int tokens, int topK, long starts, long tokenRow, long expertOf, long ofToken, long weight) {
        CudaLinear.Assignments assignments() {
            return new CudaLinear.Assignments((long) tokens * topK, starts, tokenRow, expertOf);
        }
    }

    @Override
    public void apply(Tensor x, ExpertPlan plan, Tensor out, StepScratch scratch) {
        OpShapes.experts(experts, gate.first().weight().cols(), x, plan, out);
        float[] weights = new float[plan.ofToken().length];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = plan.weight()[plan.ofToken()[i]];
        }
        int[] expertOf = new int[weights.length];
        for (int expert = 0; expert < experts; expert++) {
            Arrays.fill(expertOf, plan.expertStart()[expert], plan.expertStart()[expert + 1], expert);
        }
        long weightsAt = staging.send(
                4L * weights.length,
                to -> MemorySegment.copy(weights, 0, to, ValueLayout.JAVA_FLOAT, 0, weights.length));
        apply(
                x,
                new DevicePlan(
                        plan.tokens(),
                        plan.topK(),
                        staging.ints(plan.expertStart()),
                        staging.ints(plan.tokenRow()),
                        staging.ints(expertOf),
                        staging.ints(plan.ofToken()),
                        weightsAt),
                out,
                scratch);
    }

    /** Routes on the device too: nothing waits for anything. */
    void apply(Tensor x, Tensor logits, Tensor correctionBias, RouterRule rule, Tensor out, StepScratch scratch) {
        long mark = scratch.mark();
        apply(x, router.plan(logits, correctionBias, rule, scratch), out, scratch);
        scratch.release(mark);
    }

    private void apply(Tensor x, DevicePlan plan, Tensor out, StepScratch scratch) {
        CudaLinear.Assignments assignments = plan.assignments();
        int count = Math.toIntExact(assignments.count());
        long mark = scratch.mark();
        int inner = gate.first().weight().rows();
        Tensor results = scratch.f32(count, out.cols());
        Tensor gated = scratch.f32(count, inner);
        boolean rounded = gate.first().leavesBf16(gate.series(), assignments);
        if (joined(rounded, assignments)) {
            long at = DeviceMemory.address(gated, "scratch");
            gate.first()
                    .experts(
                            gate.series(),
                            gate.input(x, assignments),
                            at,
                            assignments,
                            up.first().weight());
            down.apply(
                    rounded ? new CudaLinear.Input(at, 0) : down.input(gated, assignments),
                    results,
                    assignments.withList(0));
        } else {
            Tensor raised = scratch.f32(count, inner);
            gate.apply(gate.input(x, assignments), gated, assignments);
            up.apply(up.input(x, assignments), raised, assignments);
            rows.siluMul(gated, raised, gated, 0);
            down.apply(down.input(gated, assignments), results, assignments.withList(0));
        }
        router.sum(results, plan, out);
        scratch.release(mark);
    }

    /** Whether gate and up are multiplied and joined at once, and the third weight takes what that leaves. */
    private boolean joined(boolean rounded, CudaLinear.Assignments assignments) {
        return gate.first().joins(up.first()) && (!rounded || down.first().leavesBf16(down.series(), assignments));
    }

    /** Puts weights of one shape and format one behind the other. */
    record CudaStack(CudaDevice device, CudaWeights weights) {
        Stack of(List<ExpertWeights> experts, Function<ExpertWeights, WeightMatrix> projection) {
            List<WeightMatrix> all = experts.stream().map(projection).toList();
            DeviceMatrix.Stacked stacked = DeviceMatrix.stack(all, device);
            return new Stack(
                    weights.linear(stacked.first(), all.size()),
                    new CudaLinear.Series(all.size(), stacked.dataBytes(), stacked.scaleCount()));
        }
    }
}
