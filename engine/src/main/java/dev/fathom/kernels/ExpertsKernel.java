package dev.fathom.kernels;

import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;

/** All routed experts of one layer: down(silu(gate x) * up x), weighted and summed over each token's experts. */
public interface ExpertsKernel {
    /**
     * Only the chosen experts' weights are read. The experts of a token are added in ascending expert order, so that
     * the result does not depend on what else is in the batch.
     *
     * @param x    [tokens, hidden]
     * @param plan who goes where, over the same tokens
     * @param out  [tokens, hidden], overwritten with the weighted sum; must not overlap x
     */
    void apply(Tensor x, ExpertPlan plan, Tensor out, StepScratch scratch);
}
