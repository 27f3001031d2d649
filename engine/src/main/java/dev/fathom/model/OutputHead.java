package dev.fathom.model;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.tensor.Tensor;

/**
 * From the residual stream to logits, for the rows that want them.
 *
 * @param norm        final norm, [1, hidden]
 * @param epsilon     rms_norm_eps
 * @param projection  lm_head, or the embedding where they are tied
 */
public record OutputHead(Tensor norm, float epsilon, LinearKernel projection) {
    /** @param x [tokens, hidden], after the last layer */
    public StepOutput apply(Tensor x, StepContext step) {
        Tensor hidden = step.scratch().f32(step.outputRows().length, x.cols());
        Tensor logits = step.scratch().f32(step.outputRows().length, projection.rows());
        if (hidden.rows() > 0) {
            step.kernels().gatherRows(x, step.outputRows(), hidden);
            step.kernels().rmsNorm(hidden, norm, epsilon, hidden);
            projection.apply(hidden, logits);
        }
        return new StepOutput(logits, hidden);
    }
}
