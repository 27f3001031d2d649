package dev.fathom.kernels;

/** One small linear map per head: y[t, h] = x[t, h] W[h]ᵀ; the absorbed halves of MLA's kv_b_proj. */
public interface HeadsKernel {
    /**
     * @param x  [m] rows of heads as wide as the maps' inputs
     * @param y  [m] rows of heads as wide as the maps' outputs, overwritten; must not overlap x
     */
    void apply(HeadView x, HeadView y);
}
