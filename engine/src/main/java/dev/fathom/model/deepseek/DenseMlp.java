package dev.fathom.model.deepseek;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;

/** down(silu(gate x) * up x). */
record DenseMlp(LinearKernel gate, LinearKernel up, LinearKernel down) implements FeedForward {
    static DenseMlp load(LayerWeights weights, int hidden, int inner) {
        return new DenseMlp(
                weights.linear("gate_proj.weight", inner, hidden),
                weights.linear("up_proj.weight", inner, hidden),
                weights.linear("down_proj.weight", hidden, inner));
    }

    @Override
    public void forward(Tensor x, Tensor out, StepContext step) {
        long mark = step.scratch().mark();
        Tensor gated = step.scratch().f32(x.rows(), gate.rows());
        Tensor raised = step.scratch().f32(x.rows(), up.rows());
        gate.apply(x, gated);
        up.apply(x, raised);
        step.kernels().siluMul(gated, raised, gated);
        down.apply(gated, out);
        step.scratch().release(mark);
    }
}
