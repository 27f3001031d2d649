package dev.fathom.model.deepseek;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.RowChoice;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Multi-head latent attention of one layer. The cache holds for each token one normalised latent and one rotated key
 * that all heads share; both forms below read keys and values from there, also those of the step itself, so that what
 * they see does not depend on how a prompt was cut into steps.
 *
 * <ul>
 *   <li>Expanded: kv_b_proj gives every key and value of every head again from the latent, chunk by chunk; the chunks'
 *       results are merged by their log-sum-exp. Scratch: prefixChunk * heads * (nope + value) floats.
 *   <li>Absorbed: score = q_nope · (W_UK c) = (W_UKᵀ q_nope) · c, so queries go into the latent space once and attention
 *       runs over the cache itself; W_UV is applied to the result.
 *   <li>Sparse (V3.2): rows that see more than index_topk tokens attend to those that the {@link Indexer} chooses, in the
 *       absorbed form, as if each were a sequence of just those tokens.
 * </ul>
 *
 * @see "DeepSeek-V2, arXiv 2405.04434, section 2.1; DeepSeek-V3 inference/model.py, class MLA"
 */
final class MlaAttention {
    private final MlaConfig config;
    private final float epsilon;
    private final float scale;
    private final int layer;
    private final QueryProjection queryProjection;
    private final LinearKernel latentProjection;
    private final Tensor latentNorm;
    private final KeyValueProjections keyValueProjections;
    private final LinearKernel outputProjection;
    private final @Nullable Indexer indexer;

    /**
     * @param weights  at self_attn
     * @param layer    whose cache it uses
     * @param scale    softmax scale, YaRN factor included
     */
    MlaAttention(LayerWeights weights, int layer, float scale) {
        config = weights.config().attention();
        epsilon = weights.config().rmsNormEps();
        this.scale = scale;
        this.layer = layer;
        int hidden = weights.config().hiddenSize();
        queryProjection = QueryProjection.load(weights);
        latentProjection = weights.linear("kv_a_proj_with_mqa.weight", config.cacheWidth(), hidden);
        latentNorm = weights.vector("kv_a_layernorm.weight", config.kvLoraRank());
        keyValueProjections = KeyValueProjections.load(weights);
        outputProjection =
                weights.linear("o_proj.weight", hidden, Math.multiplyExact(config.heads(), config.valueHeadDim()));
        IndexerConfig sparse = weights.config().indexer();
        indexer = sparse == null ? null : new Indexer(weights.at("indexer"), sparse, layer);
    }

    /**
     * Writes the step's rows into the cache, then attends.
     *
     * @param x    [tokens, hidden]
     * @param out  [tokens, hidden], overwritten
     */
    void forward(Tensor x, Tensor out, StepContext step, StepPlan plan) {
        StepScratch scratch = step.scratch();
        long mark = scratch.mark();
        Tensor query = scratch.f32(x.rows(), config.heads() * config.queryHeadDim());
        Tensor compressed = queryProjection.compress(x, step);
        queryProjection.apply(compressed, query);
        Tensor latent = scratch.f32(x.rows(), config.cacheWidth());
        latentProjection.apply(x, latent);
        step.kernels()
                .storeLatent(latent, latentNorm, epsilon, plan.cos(), plan.sin(), plan.writeSlots(), step.kv(), layer);
        if (indexer != null) {
            indexer.store(x, step, plan);
        }

        HeadView queryHeads = HeadView.of(query, config.heads());
        Tensor attended = scratch.f32(x.rows(), config.heads() * config.valueHeadDim());
        HeadView attendedHeads = HeadView.of(attended, config.heads());
        for (StepPlan.Run run : plan.runs()) {
            int rows = run.batch().tokens();
            HeadView q = queryHeads.rows(run.firstRow(), rows);
            HeadView o = attendedHeads.rows(run.firstRow(), rows);
            Tensor cos = plan.cos().rows(run.firstRow(), rows);
            Tensor sin = plan.sin().rows(run.firstRow(), rows);
            switch (run) {
                case StepPlan.Run.Expanded expanded -> attendExpanded(q, cos, sin, expanded, o, step);
                case StepPlan.Run.Absorbed it -> attendAbsorbed(q, cos, sin, it.batch(), o, step);
                case StepPlan.Run.Sparse it -> {
                    Tensor input = x.rows(it.firstRow(), rows);
                    Tensor low = compressed.rows(it.firstRow(), rows);
                    RowChoice chosen = requireIndexer().choose(low, input, cos, sin, it.batch(), step);
                    attendAbsorbed(q, cos, sin, chosen, o, step);
                }
            }
        }
        outputProjection.apply(attended, out);
        scratch.release(mark);
    }

    private Indexer requireIndexer() {
        if (indexer == null) {
            throw new IllegalStateException("layer " + layer + " has no indexer to choose tokens by");
        }
        return indexer;
    }

    private void attendExpanded(
            HeadView query, Tensor cos, Tensor sin, StepPlan.Run.Expanded run, HeadView out, StepContext step) {
        LinearKernel expanding = keyValueProjections.expanding();
        if (expanding == null) {
            throw new IllegalStateException("layer " + layer + " was loaded for the absorbed form only");
        }
        KernelBackend kernels = step.kernels();
        StepScratch scratch = step.scratch();
        long mark = scratch.mark();
        HeadView queryRope = query.columns(config.nopeHeadDim(), config.ropeHeadDim());
        kernels.rope(queryRope, cos, sin, queryRope);
        Tensor logSumExp = scratch.f32(query.rows(), config.heads());
        kernels.fill(logSumExp, Float.NEGATIVE_INFINITY);
        Tensor latent = scratch.f32(run.mostKeys(), config.kvLoraRank());
        Tensor ropeKeys = scratch.f32(run.mostKeys(), config.ropeHeadDim());
        Tensor keysValues = scratch.f32(run.mostKeys(), config.heads() * config.expandedHeadDim());
        for (List<StepPlan.KeyChunk> pack : run.packs()) {
            int keys = 0;
            for (StepPlan.KeyChunk chunk : pack) {
                int[] slots = run.batch().slots()[chunk.sequence()];
                kernels.loadLatent(
                        step.kv(),
                        layer,
                        slots,
                        chunk.from(),
                        chunk.count(),
                        latent.rows(keys, chunk.count()),
                        ropeKeys.rows(keys, chunk.count()));
                keys += chunk.count();
            }
            expanding.apply(latent.rows(0, keys), keysValues.rows(0, keys));
            int firstKey = 0;
            for (StepPlan.KeyChunk chunk : pack) {
                int firstRow = run.batch().queryStart()[chunk.sequence()];
                int rows = run.batch().queries(chunk.sequence());
                kernels.attendExpanded(
                        query.rows(firstRow, rows),
                        run.batch().prefixLength(chunk.sequence()),
                        HeadView.of(keysValues.rows(firstKey, chunk.count()), config.heads()),
                        ropeKeys.rows(firstKey, chunk.count()),
                        chunk.from(),
                        scale,
                        out.rows(firstRow, rows),
                        logSumExp.rows(firstRow, rows));
                firstKey += chunk.count();
            }
        }
        scratch.release(mark);
    }

    private void attendAbsorbed(
            HeadView query, Tensor cos, Tensor sin, RowChoice seen, HeadView out, StepContext step) {
        AbsorbedProjections absorbed = keyValueProjections.absorbed();
        if (absorbed == null) {
            throw new IllegalStateException("layer " + layer + " was loaded for the expanded form only");
        }
        StepScratch scratch = step.scratch();
        long mark = scratch.mark();
        HeadView latentQuery =
                HeadView.of(scratch.f32(query.rows(), config.heads() * config.cacheWidth()), config.heads());
        absorbed.toLatent().apply(query.columns(0, config.nopeHeadDim()), latentQuery.columns(0, config.kvLoraRank()));
        step.kernels()
                .rope(
                        query.columns(config.nopeHeadDim(), config.ropeHeadDim()),
                        cos,
                        sin,
                        latentQuery.columns(config.kvLoraRank(), config.ropeHeadDim()));
        HeadView attendedLatent =
                HeadView.of(scratch.f32(query.rows(), config.heads() * config.kvLoraRank()), config.heads());
        step.kernels().attendChosen(latentQuery, seen, step.kv(), layer, scale, attendedLatent);
        absorbed.fromLatent().apply(attendedLatent, out);
        scratch.release(mark);
    }
}
