package dev.fathom.kernels.c;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.CpuBinding;
import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RouterRule;
import dev.fathom.kernels.vector.VectorBackend;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.Consumer;

/**
 * Attention, the index's scores, operations on rows, linear maps and experts in C; weights that {@link WeightStruct} does not serve on the
 * vector backend, whose threads run both. An operation is here where it beats its Java twin by 15 % or more, or where every start would wait for the
 * JIT to compile that twin; docs/performance.md has the figures.
 */
public final class CBackend implements KernelBackend {
    private final VectorBackend vector;
    private final CLibrary library;
    private final CTeam team;
    private final CRows rows;
    private final CAttention attention;
    private final CKeyIndex index;

    private CBackend(VectorBackend vector, CLibrary library, CTeam team) {
        this.vector = vector;
        this.library = library;
        this.team = team;
        rows = new CRows(library, team);
        attention = new CAttention(library, team);
        index = new CKeyIndex(vector.keyIndex(), library, team);
    }

    /**
     * @param target    must run on this machine
     * @param threads   at least 1, the calling thread included
     * @param progress  gets pieces of text while kernels are compiled
     * @throws KernelException if the kernels cannot be had
     */
    public static CBackend open(KernelCache cache, CpuTarget target, int threads, Consumer<String> progress) {
        return open(cache, target, threads, CpuBinding.NONE, progress);
    }

    /** As {@link #open(KernelCache, CpuTarget, int, Consumer)}, threads kept on the processors of {@code binding}. */
    public static CBackend open(
            KernelCache cache, CpuTarget target, int threads, CpuBinding binding, Consumer<String> progress) {
        Arena arena = Arena.ofShared();
        boolean opened = false;
        try {
            CLibrary library = CKernels.load(cache, target, progress, arena);
            VectorBackend vector = new VectorBackend(threads, binding);
            CTeam team = new CTeam(vector.workers(), arena, library.workspaceBytes());
            opened = true;
            return new CBackend(vector, library, team);
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    /** How products with BF16 numbers are made. */
    Bf16Products products() {
        return library.products();
    }

    @Override
    public String name() {
        return "c";
    }

    @Override
    public void bindCaller() {
        vector.bindCaller();
    }

    @Override
    public String description() {
        return "c: attention, rows, the index, linear maps and experts in C (" + library.builtBy()
                + "); weights of other formats fall back to " + vector.description();
    }

    @Override
    public LinearKernel bind(WeightMatrix weight) {
        return WeightStruct.serves(weight) ? new CLinear(weight, library, team) : vector.bind(weight);
    }

    @Override
    public HeadsKernel bindHeads(WeightMatrix stacked, int heads) {
        OpShapes.bindHeads(stacked, heads);
        return CHeads.serves(stacked, library)
                ? new CHeads(stacked, heads, library, team)
                : vector.bindHeads(stacked, heads);
    }

    @Override
    public ExpertsKernel bindExperts(List<ExpertWeights> experts) {
        OpShapes.bindExperts(experts);
        return CExperts.serves(experts, library) ? new CExperts(experts, library, team) : vector.bindExperts(experts);
    }

    @Override
    public void embed(WeightMatrix table, int[] ids, Tensor out) {
        switch (table) {
            case F32Matrix w -> rows.embed(w, w.data(), false, ids, out);
            case Bf16Matrix w -> rows.embed(w, w.data(), true, ids, out);
            // A few rows a step: not worth kernels of their own.
            case F16Matrix w -> vector.embed(w, ids, out);
            case Fp8BlockMatrix w -> vector.embed(w, ids, out);
            case Int8Matrix w -> vector.embed(w, ids, out);
            case BlockMatrix w -> vector.embed(w, ids, out);
        }
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        rows.rmsNorm(x, weight, epsilon, out);
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        rows.add(x, delta);
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        vector.addBias(x, bias);
    }

    @Override
    public void siluMul(Tensor gate, Tensor up, Tensor out) {
        rows.siluMul(gate, up, out);
    }

    @Override
    public void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        rows.rope(x, cos, sin, out);
    }

    @Override
    public void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        vector.ropeHalves(x, cos, sin, out);
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
        rows.storeLatent(latent, normWeight, epsilon, cos, sin, slots, kv, layer);
    }

    @Override
    public void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        rows.loadLatent(kv, layer, slots, from, count, latent, ropeKeys);
    }

    @Override
    public void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        attention.attendLatent(query, batch, kv, layer, scale, out);
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
        attention.attendExpanded(query, firstQuery, keysValues, ropeKeys, firstKey, scale, out, logSumExp);
    }

    @Override
    public void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        vector.storeKeysValues(keys, values, slots, kv, layer);
    }

    @Override
    public void attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        vector.attendGrouped(query, batch, kv, layer, scale, out);
    }

    @Override
    public ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule) {
        return vector.route(logits, correctionBias, rule);
    }

    @Override
    public KeyIndex keyIndex() {
        return index;
    }

    @Override
    public void close() {
        vector.close();
        team.close();
    }
}
