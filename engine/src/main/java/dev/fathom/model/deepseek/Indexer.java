package dev.fathom.model.deepseek;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.RotatedFp8;
import dev.fathom.kernels.RowChoice;
import dev.fathom.model.IndexerForm;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;

/**
 * The lightning indexer of one layer: a narrow attention without softmax or values whose scores say which tokens the layer's
 * real attention looks at. It keeps one key for each token beside the latent cache, in the token's slot.
 *
 * <p>Three things differ from the attention beside it. Rope turns the first qk_rope_head_dim numbers of a head, in pairs of
 * halves; the main attention turns the last ones of a query, in neighbouring pairs. Keys are normalised by a LayerNorm with a
 * bias. Queries come from q_a_layernorm's output, keys and the heads' weights from the layer's input.
 *
 * <p>The published scores carry two factors, index_n_heads^-1/2 and index_head_dim^-1/2. Both are positive and the same for
 * every token, so they choose nothing and are left out.
 *
 * @see "DeepSeek-V3.2, arXiv 2512.02556, section 2.1; transformers modeling_deepseek_v32.py, class DeepseekV32Indexer;
 *     DeepSeek-V3.2-Exp inference/model.py, class Indexer"
 */
final class Indexer {
    /** torch.nn.LayerNorm's in both references, whatever rms_norm_eps is. */
    private static final float EPSILON = 1e-6f;

    private final IndexerConfig config;
    private final IndexerForm form;
    private final int ropeWidth;
    private final int layer;
    private final KeyIndex index;
    private final LinearKernel queryProjection;
    private final LinearKernel keyProjection;
    private final Tensor keyNorm;
    private final Tensor keyNormBias;
    private final LinearKernel weightProjection;

    /**
     * @param weights  at self_attn.indexer
     * @param layer    whose index it uses
     * @throws KernelException if the backend has no {@link KeyIndex}
     */
    Indexer(LayerWeights weights, IndexerConfig config, int layer) {
        this.config = config;
        this.layer = layer;
        form = weights.options().indexerForm();
        if (form == IndexerForm.FP8 && !RotatedFp8.serves(config.headDim())) {
            throw new KernelException(
                    "the Hadamard transform of FP8 indexing needs an index_head_dim that is a power of" + " two, not "
                            + config.headDim());
        }
        index = weights.kernels().keyIndex();
        MlaConfig attention = weights.config().attention();
        int hidden = weights.config().hiddenSize();
        ropeWidth = attention.ropeHeadDim();
        queryProjection = weights.linear(
                "wq_b.weight", Math.multiplyExact(config.heads(), config.headDim()), attention.qLoraRank());
        keyProjection = weights.linear("wk.weight", config.headDim(), hidden);
        keyNorm = weights.vector("k_norm.weight", config.headDim());
        keyNormBias = weights.vector("k_norm.bias", config.headDim());
        weightProjection = weights.linear("weights_proj.weight", config.heads(), hidden);
    }

    /**
     * Writes the step's keys into the index, also where nothing has to be chosen yet: later steps will.
     *
     * @param x  [tokens, hidden], the layer's normalised input
     */
    void store(Tensor x, StepContext step, StepPlan plan) {
        long mark = step.scratch().mark();
        Tensor keys = step.scratch().f32(x.rows(), config.headDim());
        keyProjection.apply(x, keys);
        index.layerNorm(keys, keyNorm, keyNormBias, EPSILON, keys);
        prepare(HeadView.of(keys, 1), plan.cos(), plan.sin(), step);
        index.store(keys, plan.writeSlots(), step.kv().index(), layer);
        step.scratch().release(mark);
    }

    /**
     * What each row attends to, as {@link KeyIndex#choose} gives it.
     *
     * @param compressed  [rows, qLoraRank], q_a_layernorm's output
     * @param x           [rows, hidden], the layer's normalised input
     * @param cos         [rows, ropeHeadDim / 2]
     * @param sin         [rows, ropeHeadDim / 2]
     * @param batch       of these rows
     */
    RowChoice choose(Tensor compressed, Tensor x, Tensor cos, Tensor sin, AttentionBatch batch, StepContext step) {
        StepScratch scratch = step.scratch();
        long mark = scratch.mark();
        HeadView query = HeadView.of(scratch.f32(x.rows(), config.heads() * config.headDim()), config.heads());
        queryProjection.apply(compressed, query.tensor());
        prepare(query, cos, sin, step);
        Tensor weights = scratch.f32(x.rows(), config.heads());
        weightProjection.apply(x, weights);
        RowChoice chosen = index.choose(query, weights, batch, step.kv().index(), layer, config.topK());
        scratch.release(mark);
        return chosen;
    }

    private void prepare(HeadView heads, Tensor cos, Tensor sin, StepContext step) {
        HeadView rotated = heads.columns(0, ropeWidth);
        step.kernels().ropeHalves(rotated, cos, sin, rotated);
        if (form == IndexerForm.FP8) {
            index.roundRotated(heads);
        }
    }
}
