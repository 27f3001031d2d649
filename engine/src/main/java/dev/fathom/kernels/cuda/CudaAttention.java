package dev.fathom.kernels.cuda;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Attention: straight over the cache in runs of keys that are merged in order, and over expanded keys and values. */
final class CudaAttention {
    // As attention.cu has them.
    private static final int RUN = 64;
    private static final int SHARING = 8;
    private static final int RUN_THREADS = 256;
    private static final int MERGE_THREADS = 256;
    private static final int EXPANDED_THREADS = 256;
    private static final int TILE = 64;
    private static final int SLICE = 32;
    private static final int STRIDE = TILE + 4;
    private static final int WIDEST_VALUE = 256;

    /** Bytes of partial sums; a step that needs more of them goes in several passes. */
    private static final long MOST_PARTIAL_BYTES = 256 << 20;

    private final CudaKernels kernels;
    private final Launch launch;
    private final Staging staging;
    private final CheckedSlots checked;
    private final @Nullable FlashAttention flash;
    private final Kernel merge;
    private final Kernel expanded;
    private final long sharedBytes;
    private final Workspace partial;

    /** @param flash  where queries may be rounded to BF16; null where they may not */
    CudaAttention(
            CudaDevice device,
            CudaKernels kernels,
            Launch launch,
            Staging staging,
            CheckedSlots checked,
            @Nullable FlashAttention flash) {
        this.checked = checked;
        this.flash = flash;
        partial = new Workspace(device);
        this.kernels = kernels;
        this.launch = launch;
        this.staging = staging;
        sharedBytes = device.sharedBytes();
        merge = kernels.kernel("attend_merge");
        // Some of a block's shared memory is what the kernels declare.
        expanded = kernels.kernel("attend_expanded", sharedBytes);
    }

    void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        OpShapes.attendLatentShapes(query, batch, kv, layer, out);
        checked.check("attendLatent", batch, kv);
        attendLatent(new Latent(query, out, kv, layer, scale), SentBatch.of(batch, staging));
    }

    void attendChosen(HeadView query, CudaKeyIndex.Chosen chosen, PagedKv kv, int layer, float scale, HeadView out) {
        OpShapes.attendLatentShapes(query, chosen.of(), kv, layer, out);
        checked.check("attendLatent", chosen.of(), kv);
        attendLatent(new Latent(query, out, kv, layer, scale), chosen.sent());
    }

    private void attendLatent(Latent latent, SentBatch batch) {
        HeadView query = latent.query;
        if (flash != null && flash.attendsLatent(query, latent.kv)) {
            attendByFlash(flash, latent, batch);
            return;
        }
        attend(new Heads(query, latent.out, query.heads(), 0), batch, latent.kv, latent.layer, latent.scale);
    }

    void attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        int cached = OpShapes.attendGroupedShapes(query, batch, kv, layer, out);
        checked.check("attendGrouped", batch, kv);
        attend(
                new Heads(query, out, query.heads() / cached, (long) cached * query.width()),
                SentBatch.of(batch, staging),
                kv,
                layer,
                scale);
    }

    /** What absorbed attention of a layer is given beside the batch. */
    record Latent(HeadView query, HeadView out, PagedKv kv, int layer, float scale) {}

    private void attendByFlash(FlashAttention by, Latent latent, SentBatch rows) {
        HeadView query = latent.query;
        long longest = bucket(rows.longest());
        long runLength = by.runLength(query, latent.kv.format(), longest);
        long runs = Math.ceilDiv(longest, runLength);
        long rowBytes = runs == 1 ? 0 : 4L * query.heads() * runs * (latent.out.width() + 2);
        int most = rowBytes == 0 ? query.rows() : Math.clamp(MOST_PARTIAL_BYTES / rowBytes, 1, query.rows());
        long scratch = rowBytes == 0 ? 0 : partial.take(Math.multiplyExact(rowBytes, most));
        for (int from = 0; from < query.rows(); from += most) {
            int count = Math.min(most, query.rows() - from);
            Latent part = new Latent(
                    query.rows(from, count), latent.out.rows(from, count), latent.kv, latent.layer, latent.scale);
            by.attendLatent(part, rows.from(from), new FlashAttention.Runs(scratch, runs, runLength));
            if (runs > 1) {
                merge(part.out, rows.from(from), scratch, runs, runLength);
            }
        }
    }

    /** By powers of two, so that steps whose sequences are a token longer are the same launches. */
    private static long bucket(int longest) {
        return Math.max(RUN, Long.highestOneBit(2L * longest - 1));
    }

    private void merge(HeadView out, SentBatch rows, long scratch, long runs, long runLength) {
        launch.begin()
                .put(scratch)
                .put(runs)
                .put(runLength)
                .put(rows.seen())
                .put("out", out)
                .put((long) out.width())
                .run(merge, new Grid(out.rows(), out.heads(), 1, MERGE_THREADS));
    }

    /**
     * Which columns of a cache row a query head reads.
     *
     * @param sharing     query heads that read the same key and value
     * @param firstValue  column of the first value
     */
    private record Heads(HeadView query, HeadView out, int sharing, long firstValue) {
        long blocks() {
            return (long) query.heads() / sharing * Math.ceilDiv(sharing, SHARING);
        }
    }

    private void attend(Heads heads, SentBatch rows, PagedKv kv, int layer, float scale) {
        HeadView query = heads.query;
        int tokens = query.rows();
        long runs = Math.ceilDiv(bucket(rows.longest()), (long) RUN);
        long rowBytes = 4L * query.heads() * runs * (heads.out.width() + 2);
        int most = Math.clamp(MOST_PARTIAL_BYTES / rowBytes, 1, tokens);
        long scratch = partial.take(Math.multiplyExact(rowBytes, most));
        long shared = 4L * SHARING * (query.width() + RUN);
        boolean pairs = query.width() % 2 == 0 && heads.out.width() % 2 == 0 && heads.firstValue % 2 == 0;
        Kernel kernel = kernels.kernel("attend_runs_" + kv.format() + (pairs ? "_2" : "_1"), shared);
        for (int from = 0; from < tokens; from += most) {
            int count = Math.min(most, tokens - from);
            launch.begin()
                    .put(CudaCache.address(kv, layer))
                    .put(kv.rowBytes())
                    .put((long) query.width())
                    .put((long) heads.out.width())
                    .put(heads.firstValue)
                    .put((long) heads.sharing)
                    .put((long) kv.shape().latentWidth())
                    .put("query", query.rows(from, count))
                    .put((long) query.heads())
                    .put(rows.slots())
                    .put(rows.from(from).first())
                    .put(rows.from(from).seen())
                    .put((double) scale)
                    .put(scratch)
                    .put(runs)
                    .run(kernel, new Grid(count, heads.blocks(), runs, RUN_THREADS), shared);
            merge(heads.out.rows(from, count), rows.from(from), scratch, runs, RUN);
        }
    }

    void attendExpanded(
            HeadView query,
            int firstQuery,
            HeadView keysValues,
            Tensor ropeKeys,
            int firstKey,
            float scale,
            HeadView out,
            Tensor logSumExp) {
        int value = OpShapes.attendExpanded(query, keysValues, ropeKeys, out, logSumExp);
        if (flash != null && flash.attendsExpanded(query.width(), ropeKeys.cols(), value)) {
            flash.attendExpanded(query, firstQuery, keysValues, ropeKeys, firstKey, scale, out, logSumExp);
            return;
        }
        int width = query.width();
        long shared = 4L * (2 * SLICE * STRIDE + TILE * STRIDE + TILE * Math.ceilDiv(value, TILE) * TILE);
        if (value > WIDEST_VALUE || shared > sharedBytes) {
            throw new IllegalArgumentException("attendExpanded: heads " + width + " wide with values " + value
                    + " wide; the CUDA kernel takes values up to " + WIDEST_VALUE + " wide and needs " + shared
                    + " of " + sharedBytes + " bytes of shared memory");
        }
        launch.begin()
                .put("query", query)
                .put((long) query.rows())
                .put((long) firstQuery)
                .put("keysValues", keysValues)
                .put("ropeKeys", ropeKeys)
                .put((long) ropeKeys.rows())
                .put((long) firstKey)
                .put((long) width - ropeKeys.cols())
                .put((long) ropeKeys.cols())
                .put((long) value)
                .put((double) scale)
                .put("out", out)
                .put("logSumExp", logSumExp)
                .put((long) query.heads())
                .run(expanded, new Grid(Math.ceilDiv(query.rows(), TILE), query.heads(), 1, EXPANDED_THREADS), shared);
    }
}
