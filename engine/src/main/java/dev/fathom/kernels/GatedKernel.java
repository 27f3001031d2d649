package dev.fathom.kernels;

import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;

/** Two weights of one shape, joined: out = silu(x Gᵀ) * (x Uᵀ). */
public interface GatedKernel {
    /**
     * @param x    [tokens, inputs]
     * @param out  [tokens, outputs]; must not overlap x
     */
    void apply(Tensor x, Tensor out, StepScratch scratch);
}
