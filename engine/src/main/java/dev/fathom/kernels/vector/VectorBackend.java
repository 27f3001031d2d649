package dev.fathom.kernels.vector;

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
import dev.fathom.kernels.WorkerPool;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * All operations on the Java Vector API with float32 sums in a fixed order. It needs the module {@code
 * jdk.incubator.vector} and nothing else.
 */
public final class VectorBackend implements KernelBackend {
    private final VectorTeam team;

    /** @param threads at least 1, the calling thread included */
    public VectorBackend(int threads) {
        this(threads, CpuBinding.NONE);
    }

    /** @throws dev.fathom.kernels.KernelException if this process may not run on the processors of {@code binding} */
    public VectorBackend(int threads, CpuBinding binding) {
        team = new VectorTeam(threads, binding);
    }

    /** The threads, for a backend that takes some operations over: one team serves both. */
    public WorkerPool workers() {
        return team.workers();
    }

    @Override
    public String name() {
        return "vector";
    }

    @Override
    public void bindCaller() {
        team.workers().bindCaller();
    }

    @Override
    public String description() {
        return "vector: Java Vector API, " + 32 * Lanes.COUNT + "-bit, on " + team.threads()
                + (team.threads() == 1 ? " thread" : " threads") + " (routing in plain Java)";
    }

    @Override
    public LinearKernel bind(WeightMatrix weight) {
        return new VectorLinear(WeightTiles.of(weight), team);
    }

    @Override
    public HeadsKernel bindHeads(WeightMatrix stacked, int heads) {
        OpShapes.bindHeads(stacked, heads);
        return new VectorLinear.PerHead(WeightTiles.of(stacked), heads, team);
    }

    @Override
    public ExpertsKernel bindExperts(List<ExpertWeights> experts) {
        OpShapes.bindExperts(experts);
        return new VectorExperts(experts, team);
    }

    @Override
    public void embed(WeightMatrix table, int[] ids, Tensor out) {
        OpShapes.embed(table, ids, out);
        int cols = table.cols();
        for (int t = 0; t < ids.length; t++) {
            MemorySegment to = out.data().asSlice(out.offset(t, 0), 4L * cols);
            long first = (long) ids[t] * cols;
            switch (table) {
                case F32Matrix w -> MemorySegment.copy(w.data(), 4 * first, to, 0, 4L * cols);
                case Bf16Matrix w -> VectorCache.fromBf16(w.data().asSlice(2 * first, 2L * cols), cols, to);
                // Nobody ships embeddings in these: one number at a time will do.
                case F16Matrix w -> embedSlowly(w, ids[t], to);
                case Fp8BlockMatrix w -> embedSlowly(w, ids[t], to);
                case Int8Matrix w -> embedSlowly(w, ids[t], to);
                case BlockMatrix w -> embedSlowly(w, ids[t], to);
            }
        }
    }

    private static void embedSlowly(WeightMatrix table, int row, MemorySegment to) {
        for (int i = 0; i < table.cols(); i++) {
            to.set(Tensor.F32, 4L * i, table.get(row, i));
        }
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        OpShapes.rmsNorm(x, weight, out);
        int width = x.cols();
        MemorySegment factors = weight.data().asSlice(0, 4L * width);
        team.run(
                x.rows(),
                2L * x.rows() * width,
                (row, workspace) -> VectorRows.normalize(row(x, row), factors, width, epsilon, row(out, row)));
    }

    private static MemorySegment row(Tensor tensor, int row) {
        return tensor.data().asSlice(Tensor.byteSize(row, tensor.cols()), 4L * tensor.cols());
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        OpShapes.add(x, delta);
        team.run(
                x.rows(),
                (long) x.rows() * x.cols(),
                (row, workspace) -> VectorRows.add(row(x, row), row(delta, row), x.cols()));
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        OpShapes.addBias(x, bias);
        team.run(
                x.rows(),
                (long) x.rows() * x.cols(),
                (row, workspace) -> VectorRows.add(row(x, row), row(bias, 0), x.cols()));
    }

    @Override
    public void siluMul(Tensor gate, Tensor up, Tensor out) {
        OpShapes.siluMul(gate, up, out);
        team.run(
                gate.rows(),
                10L * gate.rows() * gate.cols(),
                (row, workspace) -> VectorRows.siluMul(row(gate, row), row(up, row), gate.cols(), row(out, row)));
    }

    @Override
    public void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        OpShapes.rope(x, cos, sin, out);
        team.run(
                x.rows(),
                2L * x.rows() * x.heads() * x.width(),
                (row, workspace) -> VectorRows.rope(x, row, row(cos, row), row(sin, row), out, workspace));
    }

    @Override
    public void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        OpShapes.rope(x, cos, sin, out);
        team.run(
                x.rows(),
                2L * x.rows() * x.heads() * x.width(),
                (row, workspace) -> VectorRows.ropeHalves(x, row, row(cos, row), row(sin, row), out));
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
        MemorySegment norm = normWeight.data().asSlice(0, 4L * normWeight.cols());
        team.run(slots.length, 4L * latent.rows() * latent.cols(), (row, workspace) -> {
            MemorySegment slot = kv.layer(layer).asSlice(slots[row] * kv.rowBytes(), kv.rowBytes());
            VectorCache.storeLatent(row(latent, row), norm, epsilon, row(cos, row), row(sin, row), kv, slot, workspace);
        });
    }

    @Override
    public void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        OpShapes.loadLatent(kv, layer, slots, from, count, latent, ropeKeys);
        team.run(
                count,
                (long) count * kv.shape().rowWidth(),
                (k, workspace) -> VectorCache.loadRow(kv, layer, slots[from + k], k, latent, ropeKeys));
    }

    @Override
    public void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        OpShapes.attendLatent(query, batch, kv, layer, out);
        new LatentAttention(query, batch, kv, layer, scale, out, team.threads()).run(team);
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
        OpShapes.attendExpanded(query, keysValues, ropeKeys, out, logSumExp);
        new ExpandedAttention(query, firstQuery, keysValues, ropeKeys, firstKey, scale, out, logSumExp).run(team);
    }

    @Override
    public void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        OpShapes.storeKeysValues(keys, values, slots, kv, layer);
        team.run(slots.length, (long) slots.length * kv.shape().rowWidth(), (row, workspace) -> {
            MemorySegment slot = kv.layer(layer).asSlice(slots[row] * kv.rowBytes(), kv.rowBytes());
            VectorCache.storeKeysValues(keys, values, row, kv, slot, workspace);
        });
    }

    @Override
    public void attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        int cachedHeads = OpShapes.attendGrouped(query, batch, kv, layer, out);
        new GroupedAttention(query, batch, kv, layer, scale, out, cachedHeads, team.threads()).run(team);
    }

    @Override
    public ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule) {
        return ExpertRouter.route(logits, correctionBias, rule, workers());
    }

    @Override
    public KeyIndex keyIndex() {
        return new VectorKeyIndex(team);
    }

    @Override
    public void close() {
        team.close();
    }
}
