package dev.fathom.model.llama;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.NamedWeights;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Grouped-query attention of one layer. Keys and values are read from the cache, also those of the step itself, so that
 * what a row sees does not depend on how a prompt was cut into steps.
 *
 * @see "GQA, arXiv 2305.13245"
 */
final class LlamaAttention {
    private final LlamaConfig config;
    private final int layer;
    private final Projection query;
    private final Projection key;
    private final Projection value;
    private final LinearKernel output;

    /**
     * @param weights  at self_attn
     * @param layer    whose cache it uses
     */
    LlamaAttention(NamedWeights weights, LlamaConfig config, int layer) {
        this.config = config;
        this.layer = layer;
        query = Projection.load(weights.at("q_proj"), config.queryWidth(), config);
        key = Projection.load(weights.at("k_proj"), config.keyWidth(), config);
        value = Projection.load(weights.at("v_proj"), config.keyWidth(), config);
        output = weights.linear("o_proj.weight", config.hiddenSize(), config.queryWidth());
    }

    /** To queries, keys or values; biased in Qwen2. */
    private record Projection(LinearKernel weight, @Nullable Tensor bias) {
        static Projection load(NamedWeights weights, int outputs, LlamaConfig config) {
            return new Projection(
                    weights.linear("weight", outputs, config.hiddenSize()),
                    config.queryKeyValueBias() ? weights.vector("bias", outputs) : null);
        }

        /** [tokens, outputs], in the step's scratch. */
        Tensor apply(Tensor x, StepContext step) {
            Tensor y = step.scratch().f32(x.rows(), weight.rows());
            weight.apply(x, y);
            if (bias != null) {
                step.kernels().addBias(y, bias);
            }
            return y;
        }
    }

    /**
     * Writes the step's rows into the cache, then attends.
     *
     * @param x    [tokens, hidden]
     * @param cos  [tokens, headDim / 2]
     * @param sin  [tokens, headDim / 2]
     * @param out  [tokens, hidden], overwritten
     */
    void forward(Tensor x, Tensor cos, Tensor sin, Tensor out, StepContext step) {
        KernelBackend kernels = step.kernels();
        StepScratch scratch = step.scratch();
        long mark = scratch.mark();
        HeadView queries = HeadView.of(query.apply(x, step), config.heads());
        HeadView keys = HeadView.of(key.apply(x, step), config.keyValueHeads());
        HeadView values = HeadView.of(value.apply(x, step), config.keyValueHeads());
        kernels.ropeHalves(queries, cos, sin, queries);
        kernels.ropeHalves(keys, cos, sin, keys);
        kernels.storeKeysValues(keys, values, step.batch().writeSlots(), step.kv(), layer);

        Tensor attended = scratch.f32(x.rows(), config.queryWidth());
        HeadView attendedHeads = HeadView.of(attended, config.heads());
        kernels.attendGrouped(queries, step.batch(), step.kv(), layer, config.softmaxScale(), attendedHeads);
        output.apply(attended, out);
        scratch.release(mark);
    }
}
