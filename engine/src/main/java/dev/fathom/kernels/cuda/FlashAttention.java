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
    private static final long EXPANDED_BYTES =
            2L * ROWS * (NOPE + ROPE) + 2L * 2 * KEYS * (NOPE + ROPE) + 2L * 2 * KEYS * VALUE;

    private final Launch launch;
    private final CudaRows rows;
    private final long sharedBytes;
    private final int multiprocessors;
    private final Workspace queries;
    private final Workspace keys;
    private final Workspace sharedKeys;
    private final CudaKernels kernels;

    FlashAttention(CudaDevice device, CudaKernels kernels, Launch launch, CudaRows rows) {
        this.kernels = kernels;
        this.launch = launch;
        this.rows = rows;
        sharedBytes = device.sharedBytes();
        multiprocessors = device.multiprocessors();
        queries = new Workspace(device);
        keys = new Workspace(device);
        sharedKeys = new Workspace(device);
    }

    private static int headsOfBlock(int heads) {
        return heads > FEW_HEADS ? MANY_HEADS : FEW_HEADS;
    }

    /** Shared memory: queries, tiles of keys, shares of one; statistics by warp and head; slots of two tiles. */
    private static long latentBytes(int heads, KvFormat format) {
        int groups = WARPS / (heads / FEW_HEADS);
        int tiles = heads == FEW_HEADS || format == KvFormat.FP8_E4M3 ? 1 : 2;
        return 2L * (heads + tiles * KEYS) * (LATENT + ROPE)
                + 2L * heads * KEYS
                + 4L * heads * (2 * groups + 3)
                + 4L * 2 * KEYS;
    }

    boolean attendsLatent(HeadView query, PagedKv kv) {
        return kv.format() != KvFormat.F32
                && kv.shape().latentWidth() == LATENT
                && kv.shape().ropeWidth() == ROPE
                && latentBytes(headsOfBlock(query.heads()), kv.format()) <= sharedBytes;
    }

    /** Keys of a block, so that there are about as many blocks as run at once. */
    long runLength(int rows, int heads, long longest) {
        long wanted = (headsOfBlock(heads) == FEW_HEADS ? 2L : 1L) * multiprocessors;
        long blocks = (long) rows * Math.ceilDiv(heads, headsOfBlock(heads));
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
        int heads = headsOfBlock(query.heads());
        KvFormat format = latent.kv().format();
        long shared = latentBytes(heads, format);
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
                        kernels.kernel("attend_latent_" + format + "_" + heads / FEW_HEADS, shared),
                        new Grid(query.rows(), Math.ceilDiv(query.heads(), heads), runs.count, THREADS),
                        shared);
    }

    boolean attendsExpanded(int width, int rope, int value) {
        return rope == ROPE && width == NOPE + ROPE && value == VALUE && EXPANDED_BYTES <= sharedBytes;
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
                .run(
                        kernels.kernel("attend_flash", EXPANDED_BYTES),
                        new Grid(Math.ceilDiv(query.rows(), ROWS), query.heads(), 1, 2 * ROWS),
                        EXPANDED_BYTES);
    }

    private long rounded(Workspace to, HeadView x) {
        long at = to.take(2L * x.rows() * x.heads() * x.width());
        rows.toBf16(x, at);
        return at;
    }
}
