package dev.fathom.model.deepseek;

import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One layer: attention, then experts or a dense MLP, each on a normalised copy and added to the residual stream, the second by
 * whoever comes next, as adding and normalising are one operation.
 */
final class DecoderLayer {
    private final float epsilon;
    private final Tensor attentionNorm;
    private final MlaAttention attention;
    private final Tensor feedForwardNorm;
    private final FeedForward feedForward;

    /** @param weights at model.layers.LAYER */
    DecoderLayer(LayerWeights weights, int layer, float softmaxScale) {
        int hidden = weights.config().hiddenSize();
        epsilon = weights.config().rmsNormEps();
        attentionNorm = weights.vector("input_layernorm.weight", hidden);
        attention = new MlaAttention(weights.at("self_attn"), layer, softmaxScale);
        feedForwardNorm = weights.vector("post_attention_layernorm.weight", hidden);
        feedForward = FeedForward.load(weights.at("mlp"), layer);
    }

    /**
     * @param x       [tokens, hidden], the residual stream without {@code before}, which is added to it
     * @param before  [tokens, hidden], what the layer before gave; null before the first
     * @param delta   [tokens, hidden], receives what this one gives; may be {@code before}
     */
    void forward(Tensor x, @Nullable Tensor before, Tensor delta, StepContext step, StepPlan plan) {
        long mark = step.scratch().mark();
        Tensor normed = step.scratch().f32(x.rows(), x.cols());

        if (before == null) {
            step.kernels().rmsNorm(x, attentionNorm, epsilon, normed);
        } else {
            step.kernels().addRmsNorm(x, before, attentionNorm, epsilon, normed);
        }
        attention.forward(normed, delta, step, plan);
        step.comm().allReduce(delta);

        step.kernels().addRmsNorm(x, delta, feedForwardNorm, epsilon, normed);
        feedForward.forward(normed, delta, step);
        step.comm().allReduce(delta);

        step.scratch().release(mark);
    }
}
