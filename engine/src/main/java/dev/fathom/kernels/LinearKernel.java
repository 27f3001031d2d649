package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;

/** y = x Wᵀ with the weight and its format bound at load. */
public interface LinearKernel {
    /** Outputs. */
    int rows();

    /** Inputs. */
    int cols();

    /**
     * Each number of y depends on its own row of x only, and is summed in the same order whatever the number of rows:
     * a row gives bit-identical results alone and in a batch.
     *
     * @param x  [m, cols]
     * @param y  [m, rows], overwritten; must not overlap x
     */
    void apply(Tensor x, Tensor y);
}
