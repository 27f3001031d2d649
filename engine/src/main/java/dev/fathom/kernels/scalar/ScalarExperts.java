package dev.fathom.kernels.scalar;

import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Routed experts: for each assignment gate, up and down as linear maps (each rounded to float32), silu(gate) * up rounded
 * once; the weighted sum over a token's experts in double, rounded once.
 */
record ScalarExperts(List<ExpertWeights> experts, ScalarTeam team) implements ExpertsKernel {
    ScalarExperts {
        experts = List.copyOf(experts);
    }

    @Override
    public void apply(Tensor x, ExpertPlan plan, Tensor out, StepScratch scratch) {
        int hidden = experts.getFirst().gate().cols();
        int inner = experts.getFirst().gate().rows();
        OpShapes.experts(experts.size(), hidden, x, plan, out);
        int assignments = plan.tokenRow().length;
        long mark = scratch.mark();
        Tensor gathered = scratch.f32(assignments, hidden);
        Tensor gate = scratch.f32(assignments, inner);
        Tensor up = scratch.f32(assignments, inner);
        Tensor down = scratch.f32(assignments, hidden);
        for (int a = 0; a < assignments; a++) {
            MemorySegment.copy(
                    x.data(), x.offset(plan.tokenRow()[a], 0), gathered.data(), gathered.offset(a, 0), 4L * hidden);
        }
        AtomicInteger next = new AtomicInteger();
        team.run(team.parts(experts.size(), 3L * assignments * hidden * inner), (part, parts) -> {
            float[] buffer = team.floats(part, WeightRows.BLOCK * Math.max(hidden, inner));
            for (int e = next.getAndIncrement(); e < experts.size(); e = next.getAndIncrement()) {
                int from = plan.expertStart()[e];
                int count = plan.count(e);
                if (count > 0) {
                    one(
                            experts.get(e),
                            buffer,
                            gathered.rows(from, count),
                            gate.rows(from, count),
                            up.rows(from, count),
                            down.rows(from, count));
                }
            }
        });
        sum(plan, down, out);
        scratch.release(mark);
    }

    private static void one(ExpertWeights expert, float[] buffer, Tensor x, Tensor gate, Tensor up, Tensor down) {
        int inner = expert.gate().rows();
        int count = x.rows();
        WeightRows.multiply(expert.gate(), 0, inner, buffer, Rows.of(x), Rows.of(gate), count);
        WeightRows.multiply(expert.up(), 0, inner, buffer, Rows.of(x), Rows.of(up), count);
        ScalarElementwise.siluMul(gate, up, gate, 0, count);
        WeightRows.multiply(expert.down(), 0, expert.down().rows(), buffer, Rows.of(gate), Rows.of(down), count);
    }

    private static void sum(ExpertPlan plan, Tensor down, Tensor out) {
        for (int t = 0; t < plan.tokens(); t++) {
            for (int i = 0; i < out.cols(); i++) {
                double sum = 0;
                for (int k = t * plan.topK(); k < (t + 1) * plan.topK(); k++) {
                    int a = plan.ofToken()[k];
                    sum += (double) plan.weight()[a] * down.get(a, i);
                }
                out.set(t, i, (float) sum);
            }
        }
    }
}
