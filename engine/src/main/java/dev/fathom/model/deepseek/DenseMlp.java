package dev.fathom.model.deepseek;

import dev.fathom.kernels.GatedKernel;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;

/** down(silu(gate x) * up x). */
record DenseMlp(GatedKernel gated, LinearKernel down) implements FeedForward {
    static DenseMlp load(LayerWeights weights, int hidden, int inner) {
        return new DenseMlp(
                weights.kernels()
                        .bindGated(
                                weights.matrix("gate_proj.weight", inner, hidden),
                                weights.matrix("up_proj.weight", inner, hidden)),
                weights.linear("down_proj.weight", hidden, inner));
    }

    @Override
    public void forward(Tensor x, Tensor out, StepContext step) {
        long mark = step.scratch().mark();
        Tensor inner = step.scratch().f32(x.rows(), down.cols());
        gated.apply(x, inner, step.scratch());
        down.apply(inner, out);
        step.scratch().release(mark);
    }
}
