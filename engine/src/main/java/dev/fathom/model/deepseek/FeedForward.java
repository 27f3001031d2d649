package dev.fathom.model.deepseek;

import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;

/** The second half of a decoder layer. */
sealed interface FeedForward permits DenseMlp, MoeBlock {
    /**
     * @param x    [tokens, hidden]
     * @param out  [tokens, hidden], overwritten; must not overlap x
     */
    void forward(Tensor x, Tensor out, StepContext step);

    /** @param weights at mlp of that layer */
    static FeedForward load(LayerWeights weights, int layer) {
        DeepSeekConfig config = weights.config();
        return config.isMoe(layer)
                ? new MoeBlock(weights)
                : DenseMlp.load(weights, config.hiddenSize(), config.intermediateSize());
    }
}
