package dev.fathom.kernels.scalar;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.CpuBinding;
import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertRouter;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RouterRule;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.util.List;

/**
 * The specification of every operation: plain loops, sums in double and in order, each result rounded to float32 once.
 * Weights are decoded to float32 first (FP8: value * scale in float32). Work is spread over threads by outputs, heads and
 * experts, which changes no number.
 */
public final class ScalarBackend implements KernelBackend {
    private final ScalarTeam team;

    /** @param threads at least 1, the calling thread included */
    public ScalarBackend(int threads) {
        this(threads, CpuBinding.NONE);
    }

    /** @throws dev.fathom.kernels.KernelException if this process may not run on the processors of {@code binding} */
    public ScalarBackend(int threads, CpuBinding binding) {
        team = new ScalarTeam(threads, binding);
    }

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public void bindCaller() {
        team.bindCaller();
    }

    @Override
    public String description() {
        return "scalar: plain Java loops with double sums on " + team.threads()
                + (team.threads() == 1 ? " thread" : " threads") + " (slow; the reference)";
    }

    @Override
    public LinearKernel bind(WeightMatrix weight) {
        return new ScalarLinear(weight, team);
    }

    @Override
    public HeadsKernel bindHeads(WeightMatrix stacked, int heads) {
        OpShapes.bindHeads(stacked, heads);
        return new ScalarLinear.PerHead(stacked, heads, team);
    }

    @Override
    public ExpertsKernel bindExperts(List<ExpertWeights> experts) {
        OpShapes.bindExperts(experts);
        return new ScalarExperts(experts, team);
    }

    @Override
    public void embed(WeightMatrix table, int[] ids, Tensor out) {
        OpShapes.embed(table, ids, out);
        float[] row = team.floats(0, table.cols());
        for (int t = 0; t < ids.length; t++) {
            WeightRows.decode(table, ids[t], row, 0);
            for (int i = 0; i < table.cols(); i++) {
                out.set(t, i, row[i]);
            }
        }
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        OpShapes.rmsNorm(x, weight, out);
        ScalarElementwise.rmsNorm(x, weight, epsilon, out);
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        OpShapes.add(x, delta);
        ScalarElementwise.add(x, delta);
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        OpShapes.addBias(x, bias);
        ScalarElementwise.addBias(x, bias);
    }

    @Override
    public void siluMul(Tensor gate, Tensor up, Tensor out) {
        OpShapes.siluMul(gate, up, out);
        ScalarElementwise.siluMul(gate, up, out, 0, gate.rows());
    }

    @Override
    public void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        OpShapes.rope(x, cos, sin, out);
        ScalarElementwise.rope(x, cos, sin, out);
    }

    @Override
    public void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        OpShapes.rope(x, cos, sin, out);
        ScalarElementwise.ropeHalves(x, cos, sin, out);
    }

    @Override
    public void storeLatent(
            Tensor latent,
            Tensor normWeight,
            float epsilon,
            Tensor cos,
            Tensor sin,
            int[] slots,
            PagedKv kv,
            int layer) {
        OpShapes.storeLatent(latent, normWeight, cos, sin, slots, kv, layer);
        ScalarCache.storeLatent(latent, normWeight, epsilon, cos, sin, slots, kv, layer);
    }

    @Override
    public void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        OpShapes.loadLatent(kv, layer, slots, from, count, latent, ropeKeys);
        ScalarCache.loadLatent(kv, layer, slots, from, count, latent, ropeKeys);
    }

    @Override
    public void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        OpShapes.attendLatent(query, batch, kv, layer, out);
        ScalarAttention.latent(query, batch, kv, layer, scale, out).attend(team);
    }

    @Override
    public void attendExpanded(
            HeadView query,
            int firstQuery,
            HeadView keysValues,
            Tensor ropeKeys,
            int firstKey,
            float scale,
            HeadView out,
            Tensor logSumExp) {
        new ScalarExpanded(query, firstQuery, keysValues, ropeKeys, firstKey, scale, out, logSumExp).attend(team);
    }

    @Override
    public void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        OpShapes.storeKeysValues(keys, values, slots, kv, layer);
        ScalarCache.storeKeysValues(keys, values, slots, kv, layer);
    }

    @Override
    public void attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        int cachedHeads = OpShapes.attendGrouped(query, batch, kv, layer, out);
        ScalarAttention.grouped(query, batch, kv, layer, scale, out, cachedHeads)
                .attend(team);
    }

    @Override
    public ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule) {
        return ExpertRouter.route(logits, correctionBias, rule);
    }

    @Override
    public KeyIndex keyIndex() {
        return new ScalarKeyIndex(team);
    }

    @Override
    public void close() {
        team.close();
    }
}
