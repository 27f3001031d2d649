package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Tensor;

/** The kernels of flash.cu: attention for DeepSeek's widths, queries and shares rounded to BF16. */
final class FlashAttention {
    // As flash.cu has them.
    private static final int THREADS = 256;
    private static final int WARPS = 8;
    private static final int KEYS = 64;
    private static final int LATENT = 512;
    private static final int ROPE = 64;
    private static final int FEW_HEADS = 16;
    private static final int MANY_HEADS = 64;
    private static final int ROWS = 128;
    private static final int NOPE = 128;
    private static final int VALUE = 128;
    private static final long QUERY_BYTES = 2L * ROWS * (NOPE + ROPE);
    private static final long TILE_BYTES = 2L * KEYS * (NOPE + ROPE + VALUE);
    private static final long EXPANDED_BYTES = QUERY_BYTES + 2 * TILE_BYTES;

    // As prefill.cu and absorbed.cu have them.
    private static final int HOPPER = 90;
    private static final long PREFILL_BYTES = 1024 + QUERY_BYTES + 3 * TILE_BYTES;
    private static final long ABSORBED_BYTES =
            1024 + 3 * 2L * KEYS * (LATENT + ROPE) + 2L * MANY_HEADS * KEYS + 2 * 4L * MANY_HEADS;

    private final Launch launch;
    private final CudaRows rows;
    private final long sharedBytes;
    private final int multiprocessors;
    private final Workspace queries;
    private final Workspace keys;
    private final Workspace sharedKeys;
    private final CudaKernels kernels;
    private final boolean hopper;
    private final Kernel expanded;
    private final long expandedBytes;

    FlashAttention(CudaDevice device, CudaKernels kernels, Launch launch, CudaRows rows) {
        this.kernels = kernels;
        this.launch = launch;
        this.rows = rows;
        sharedBytes = device.sharedBytes();
        multiprocessors = device.multiprocessors();
        hopper = device.capability() == HOPPER;
        expandedBytes = hopper ? PREFILL_BYTES : EXPANDED_BYTES;
        expanded = kernels.kernel(hopper ? "attend_prefill" : "attend_flash", Math.min(expandedBytes, sharedBytes));
        queries = new Workspace(device);
        keys = new Workspace(device);
        sharedKeys = new Workspace(device);
    }

    /**
     * A kernel for absorbed attention.
     *
     * @param heads   that a block takes
     * @param blocks  that run at once on a multiprocessor
     */
    private record Absorbed(String name, int heads, int blocks, long shared) {
        /** Shared memory: queries, tiles of keys, shares of one; statistics by warp and head; slots of two tiles. */
        static Absorbed byWarps(int heads, KvFormat format) {
            int groups = WARPS / (heads / FEW_HEADS);
            int tiles = heads == FEW_HEADS || format == KvFormat.FP8_E4M3 ? 1 : 2;
            long shared = 2L * (heads + tiles * KEYS) * (LATENT + ROPE)
                    + 2L * heads * KEYS
                    + 4L * heads * (2 * groups + 3)
                    + 4L * 2 * KEYS;
            String name = "attend_latent_" + format + "_" + heads / FEW_HEADS;
            return new Absorbed(name, heads, heads == FEW_HEADS ? 2 : 1, shared);
        }
    }

    private static final Absorbed ON_HOPPER = new Absorbed("attend_absorbed", MANY_HEADS, 1, ABSORBED_BYTES);

    /** With no more tiles of keys than multiprocessors a block has one: it is done sooner by warps, which load fewer queries. */
    private Absorbed absorbed(HeadView query, KvFormat format, long longest) {
        boolean few = query.heads() <= FEW_HEADS;
        boolean fewTiles = few && query.rows() * Math.ceilDiv(longest, (long) KEYS) <= multiprocessors;
        return hopper && format == KvFormat.BF16 && !fewTiles
                ? ON_HOPPER
                : Absorbed.byWarps(few ? FEW_HEADS : MANY_HEADS, format);
    }

    boolean attendsLatent(HeadView query, PagedKv kv) {
        return kv.format() != KvFormat.F32
                && kv.shape().latentWidth() == LATENT
                && kv.shape().ropeWidth() == ROPE
                && Absorbed.byWarps(query.heads() <= FEW_HEADS ? FEW_HEADS : MANY_HEADS, kv.format()).shared
                        <= sharedBytes;
    }

    /** Keys of a block, so that there are about as many blocks as run at once. */
    long runLength(HeadView query, KvFormat format, long longest) {
        Absorbed kernel = absorbed(query, format, longest);
        long wanted = (long) kernel.blocks * multiprocessors;
        long blocks = (long) query.rows() * Math.ceilDiv(query.heads(), kernel.heads);
        long length = longest;
        while (length > KEYS && blocks * Math.ceilDiv(longest, length) * 4 < 3 * wanted) {
            length /= 2;
        }
        return length;
    }

    /**
     * How a row's keys are cut.
     *
     * @param partial  address of [rows, heads, runs, LATENT + 2] numbers, where there is more than one run
     * @param length   of a run
     */
    record Runs(long partial, long count, long length) {}

    void attendLatent(CudaAttention.Latent latent, SentBatch batch, Runs runs) {
        HeadView query = latent.query();
        Absorbed kernel = absorbed(query, latent.kv().format(), runs.count * runs.length);
        double keys = batch.keysOfRow() * query.rows();
        launch.begin()
                .work(keys * latent.kv().rowBytes(), 2 * keys * query.heads() * (2 * LATENT + ROPE))
                .put(CudaCache.address(latent.kv(), latent.layer()))
                .put("query", query)
                .put((long) query.heads())
                .put(batch.slots())
                .put(batch.first())
                .put(batch.seen())
                .put((double) latent.scale())
                .put(runs.partial)
                .put(runs.count)
                .put(runs.length)
                .put("out", latent.out())
                .run(
                        kernels.kernel(kernel.name, kernel.shared),
                        new Grid(query.rows(), Math.ceilDiv(query.heads(), kernel.heads), runs.count, THREADS),
                        kernel.shared);
    }

    boolean attendsExpanded(int width, int rope, int value) {
        return rope == ROPE && width == NOPE + ROPE && value == VALUE && expandedBytes <= sharedBytes;
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
        long queriesAt = rounded(queries, query);
        long keysAt = rounded(keys, keysValues);
        long sharedAt = rounded(sharedKeys, HeadView.of(ropeKeys, 1));
        double seen = Math.clamp(firstQuery - firstKey + query.rows() / 2.0, 0, ropeKeys.rows());
        double pairs = seen * query.rows() * query.heads();
        launch.begin()
                .work(2.0 * keysValues.rows() * query.heads() * (NOPE + VALUE), 2 * pairs * (NOPE + ROPE + VALUE))
                .put(queriesAt)
                .put((long) query.rows())
                .put((long) firstQuery)
                .put(keysAt)
                .put(sharedAt)
                .put((long) ropeKeys.rows())
                .put((long) firstKey)
                .put((double) scale)
                .put("out", out)
                .put("logSumExp", logSumExp)
                .put((long) query.heads())
                .run(expanded, new Grid(Math.ceilDiv(query.rows(), ROWS), query.heads(), 1, 2 * ROWS), expandedBytes);
    }

    private long rounded(Workspace to, HeadView x) {
        long at = to.take(2L * x.rows() * x.heads() * x.width());
        rows.toBf16(x, at);
        return at;
    }
}
