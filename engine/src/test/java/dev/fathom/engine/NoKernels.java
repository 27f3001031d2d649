package dev.fathom.engine;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RouterRule;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.util.List;
import java.util.Set;

/** A backend for models that call none: every operation fails. */
final class NoKernels implements KernelBackend {
    @Override
    public String name() {
        return "none";
    }

    @Override
    public String description() {
        return "no operations";
    }

    /** What {@link FakeLm} reads and writes. */
    @Override
    public Set<KvFormat> cacheFormats() {
        return Set.of(KvFormat.F32);
    }

    @Override
    public LinearKernel bind(WeightMatrix weight) {
        throw unsupported();
    }

    @Override
    public HeadsKernel bindHeads(WeightMatrix stacked, int heads) {
        throw unsupported();
    }

    @Override
    public ExpertsKernel bindExperts(List<ExpertWeights> experts) {
        throw unsupported();
    }

    @Override
    public void embed(WeightMatrix table, int[] ids, Tensor out) {
        throw unsupported();
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        throw unsupported();
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        throw unsupported();
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        throw unsupported();
    }

    @Override
    public void siluMul(Tensor gate, Tensor up, Tensor out) {
        throw unsupported();
    }

    @Override
    public void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        throw unsupported();
    }

    @Override
    public void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        throw unsupported();
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
        throw unsupported();
    }

    @Override
    public void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        throw unsupported();
    }

    @Override
    public void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        throw unsupported();
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
        throw unsupported();
    }

    @Override
    public void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        throw unsupported();
    }

    @Override
    public void attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        throw unsupported();
    }

    @Override
    public ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule) {
        throw unsupported();
    }

    @Override
    public void close() {
        // Nothing is held.
    }

    private static UnsupportedOperationException unsupported() {
        return new UnsupportedOperationException("this backend has no operations");
    }
}
