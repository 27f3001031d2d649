package dev.fathom.model.llama;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.NamedWeights;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;

/** One layer: attention, then an MLP, each on a normalised copy and added to the residual stream. */
final class LlamaLayer {
    private final float epsilon;
    private final Tensor attentionNorm;
    private final LlamaAttention attention;
    private final Tensor mlpNorm;
    private final LinearKernel gate;
    private final LinearKernel up;
    private final LinearKernel down;

    /** @param weights at model.layers.LAYER */
    LlamaLayer(NamedWeights weights, LlamaConfig config, int layer) {
        int hidden = config.hiddenSize();
        epsilon = config.rmsNormEps();
        attentionNorm = weights.vector("input_layernorm.weight", hidden);
        attention = new LlamaAttention(weights.at("self_attn"), config, layer);
        mlpNorm = weights.vector("post_attention_layernorm.weight", hidden);
        gate = weights.linear("mlp.gate_proj.weight", config.intermediateSize(), hidden);
        up = weights.linear("mlp.up_proj.weight", config.intermediateSize(), hidden);
        down = weights.linear("mlp.down_proj.weight", hidden, config.intermediateSize());
    }

    /**
     * @param x    [tokens, hidden], the residual stream, updated in place
     * @param cos  [tokens, headDim / 2]
     * @param sin  [tokens, headDim / 2]
     */
    void forward(Tensor x, Tensor cos, Tensor sin, StepContext step) {
        long mark = step.scratch().mark();
        Tensor normed = step.scratch().f32(x.rows(), x.cols());
        Tensor delta = step.scratch().f32(x.rows(), x.cols());

        step.kernels().rmsNorm(x, attentionNorm, epsilon, normed);
        attention.forward(normed, cos, sin, delta, step);
        step.comm().allReduce(delta);
        step.kernels().add(x, delta);

        step.kernels().rmsNorm(x, mlpNorm, epsilon, normed);
        Tensor gated = step.scratch().f32(x.rows(), gate.rows());
        Tensor raised = step.scratch().f32(x.rows(), up.rows());
        gate.apply(normed, gated);
        up.apply(normed, raised);
        step.kernels().siluMul(gated, raised, gated);
        down.apply(gated, delta);
        step.comm().allReduce(delta);
        step.kernels().add(x, delta);

        step.scratch().release(mark);
    }
}
