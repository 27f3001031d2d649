package dev.fathom.model.deepseek;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;

/**
 * The next-n prediction layer (MTP): from the main model's final hidden state at a position and the token after it, the
 * logits of the token after that. It has a cache layer of its own, written at the hidden state's position.
 *
 * @see "DeepSeek-V3, arXiv 2412.19437, section 2.2"
 */
final class MtpLayer {
    private final float epsilon;
    private final WeightMatrix embedding;
    private final Tensor tokenNorm;
    private final Tensor hiddenNorm;
    private final LinearKernel join;
    private final DecoderLayer decoder;
    private final Tensor finalNorm;
    private final LinearKernel head;

    /**
     * @param weights    at model.layers.LAYER
     * @param embedding  the main model's, which serves where the layer has no copy
     * @param head       the main model's, likewise
     */
    MtpLayer(LayerWeights weights, int layer, float softmaxScale, WeightMatrix embedding, LinearKernel head) {
        int hidden = weights.config().hiddenSize();
        int vocabulary = weights.config().vocabSize();
        epsilon = weights.config().rmsNormEps();
        this.embedding = weights.contains("embed_tokens.weight")
                ? weights.kernels().place(weights.matrix("embed_tokens.weight", vocabulary, hidden))
                : embedding;
        tokenNorm = weights.vector("enorm.weight", hidden);
        hiddenNorm = weights.vector("hnorm.weight", hidden);
        join = weights.linear("eh_proj.weight", hidden, Math.multiplyExact(2, hidden));
        decoder = new DecoderLayer(weights, layer, softmaxScale);
        finalNorm = weights.vector("shared_head.norm.weight", hidden);
        this.head = weights.contains("shared_head.head.weight")
                ? weights.linear("shared_head.head.weight", vocabulary, hidden)
                : head;
    }

    /**
     * @param step    its token ids are, for each row, the token after the row's position
     * @param hidden  [tokens, hidden], what {@link StepOutput#hidden} gave for the same positions: of the main model,
     *                or of this layer when drafts are chained
     */
    StepOutput forward(StepContext step, StepPlan plan, Tensor hidden) {
        StepScratch scratch = step.scratch();
        int tokens = step.tokenIds().length;
        Tensor x = scratch.f32(tokens, hidden.cols());
        Tensor joined = scratch.f32(tokens, 2 * hidden.cols());
        step.kernels().embed(embedding, step.tokenIds(), x);
        step.kernels().rmsNorm(x, tokenNorm, epsilon, x);
        step.kernels().copyColumns(x, joined, 0);
        step.kernels().rmsNorm(hidden, hiddenNorm, epsilon, x);
        step.kernels().copyColumns(x, joined, hidden.cols());
        join.apply(joined, x);

        Tensor delta = scratch.f32(tokens, hidden.cols());
        decoder.forward(x, null, delta, step, plan);

        Tensor normed = scratch.f32(tokens, hidden.cols());
        step.kernels().addRmsNorm(x, delta, finalNorm, epsilon, normed);
        Tensor result = scratch.f32(step.outputRows().length, hidden.cols());
        Tensor logits = scratch.f32(step.outputRows().length, head.rows());
        if (result.rows() > 0) {
            step.kernels().gatherRows(normed, step.outputRows(), result);
            head.apply(result, logits);
        }
        return new StepOutput(logits, result);
    }
}
