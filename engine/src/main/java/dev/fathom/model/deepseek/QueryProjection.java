package dev.fathom.model.deepseek;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;

/** From a layer's input to its queries: through a low rank where the config has q_lora_rank, else in one step. */
sealed interface QueryProjection {
    /**
     * What queries are projected from, theirs and an indexer's.
     *
     * @param x  [tokens, hidden]
     * @return [tokens, qLoraRank] taken from the step's scratch; x itself where there is no low rank
     */
    Tensor compress(Tensor x, StepContext step);

    /**
     * @param compressed  what {@link #compress} gave
     * @param query       [tokens, heads * (nope + rope)], overwritten
     */
    void apply(Tensor compressed, Tensor query);

    static QueryProjection load(LayerWeights weights) {
        DeepSeekConfig config = weights.config();
        int rank = config.attention().qLoraRank();
        int outputs = Math.multiplyExact(
                config.attention().heads(), config.attention().queryHeadDim());
        if (rank == 0) {
            return new Direct(weights.linear("q_proj.weight", outputs, config.hiddenSize()));
        }
        return new LowRank(
                weights.linear("q_a_proj.weight", rank, config.hiddenSize()),
                weights.vector("q_a_layernorm.weight", rank),
                config.rmsNormEps(),
                weights.linear("q_b_proj.weight", outputs, rank));
    }

    /** q_proj. */
    record Direct(LinearKernel projection) implements QueryProjection {
        @Override
        public Tensor compress(Tensor x, StepContext step) {
            return x;
        }

        @Override
        public void apply(Tensor compressed, Tensor query) {
            projection.apply(compressed, query);
        }
    }

    /** q_a_proj, q_a_layernorm, q_b_proj. */
    record LowRank(LinearKernel down, Tensor norm, float epsilon, LinearKernel up) implements QueryProjection {
        @Override
        public Tensor compress(Tensor x, StepContext step) {
            Tensor compressed = step.scratch().f32(x.rows(), down.rows());
            down.apply(x, compressed);
            step.kernels().rmsNorm(compressed, norm, epsilon, compressed);
            return compressed;
        }

        @Override
        public void apply(Tensor compressed, Tensor query) {
            up.apply(compressed, query);
        }
    }
}
