package dev.fathom.kernels.cuda;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RotatedFp8;
import dev.fathom.kernels.RowChoice;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/** The index of keys: scores in float32, the largest of them found by their bits; what is chosen stays on the device. */
final class CudaKeyIndex implements KeyIndex {
    // As index.cu has them.
    private static final int SCORE_THREADS = 128;
    private static final int CHOICE_THREADS = 1024;
    private static final int ROTATED_THREADS = 128;
    private static final int KEPT_WIDTH = 128;

    private final CudaKernels kernels;
    private final Launch launch;
    private final Staging staging;
    private final CheckedSlots checked;
    private final CudaCache cache;
    private final long sharedBytes;
    private final Workspace scores;
    private final Workspace chosen;

    CudaKeyIndex(
            CudaDevice device,
            CudaKernels kernels,
            Launch launch,
            Staging staging,
            CheckedSlots checked,
            CudaCache cache) {
        this.checked = checked;
        this.kernels = kernels;
        this.launch = launch;
        this.staging = staging;
        this.cache = cache;
        sharedBytes = device.sharedBytes();
        scores = new Workspace(device);
        chosen = new Workspace(device);
    }

    @Override
    public void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor out) {
        OpShapes.layerNorm(x, weight, bias, out);
        launch.begin()
                .put("x", x)
                .put("weight", weight)
                .put("bias", bias)
                .put((double) epsilon)
                .put("out", out)
                .put((long) x.cols())
                .run(kernels.kernel("layer_norm"), Grid.rows(x.rows()));
    }

    @Override
    public void roundRotated(HeadView x) {
        long shared = 4L * x.width();
        if (!RotatedFp8.serves(x.width()) || shared > sharedBytes) {
            throw new IllegalArgumentException("roundRotated: x: heads as wide as a power of two, up to "
                    + sharedBytes / 4 + ", are wanted, got " + x.width());
        }
        launch.begin()
                .put("x", x)
                .put((long) x.width())
                .put(1 / Math.sqrt(x.width()))
                .run(
                        kernels.kernel("round_rotated", shared),
                        new Grid(x.rows(), x.heads(), 1, ROTATED_THREADS),
                        shared);
    }

    @Override
    public void store(Tensor keys, int[] slots, PagedKv index, int layer) {
        OpShapes.storeIndex(keys, slots, index, layer);
        cache.storeRows(keys, slots, index, layer);
    }

    @Override
    public RowChoice choose(HeadView query, Tensor weights, AttentionBatch batch, PagedKv index, int layer, int count) {
        OpShapes.chooseShapes(query, weights, batch, index, layer, count);
        checked.check("choose", batch, index);
        long shared = 4L * query.heads() * query.width();
        if (shared > sharedBytes) {
            throw new IllegalArgumentException("choose: query: " + query.heads() + " heads " + query.width()
                    + " wide need " + shared + " of " + sharedBytes + " bytes of shared memory");
        }
        SentBatch sent = SentBatch.of(batch, staging);
        int rows = batch.tokens();
        long scoresAt = scores.take(4L * rows * sent.longest());
        int kept = query.width() == KEPT_WIDTH ? KEPT_WIDTH : 0;
        if (sent.longest() > count) {
            launch.begin()
                    .put(CudaCache.address(index, layer))
                    .put((long) query.width())
                    .put("query", query)
                    .put((long) query.heads())
                    .put(sent.slots())
                    .put(sent.first())
                    .put(sent.seen())
                    .put("weights", weights)
                    .put((long) count)
                    .put(scoresAt)
                    .put((long) sent.longest())
                    .run(
                            kernels.kernel("index_scores_" + index.format() + "_" + kept, shared),
                            new Grid(rows, Math.ceilDiv(sent.longest(), SCORE_THREADS), 1, SCORE_THREADS),
                            shared);
        }
        Chosen result = new Chosen(chosen.take(4L * rows * (2L + count)), count, sent.longest(), batch, staging);
        launch.begin()
                .put(scoresAt)
                .put((long) sent.longest())
                .put(sent.slots())
                .put(sent.first())
                .put(sent.seen())
                .put((long) count)
                .put(result.at)
                .run(kernels.kernel("index_choose"), new Grid(rows, 1, 1, CHOICE_THREADS));
        return result;
    }

    /**
     * What was chosen.
     *
     * @param at       address of [rows] first, [rows] seen, [rows, count] slots
     * @param longest  of the batch
     */
    record Chosen(long at, int count, int longest, AttentionBatch of, Staging staging) implements RowChoice {
        SentBatch sent() {
            long rows = of.tokens();
            int most = Math.min(longest, count);
            return new SentBatch(at + 8 * rows, at, at + 4 * rows, most, most);
        }

        @Override
        public AttentionBatch batch() {
            int rows = of.tokens();
            MemorySegment host = staging.fetch(at, 4L * rows * (2L + count));
            int[] seen = new int[rows];
            int[][] slots = new int[rows][];
            for (int row = 0; row < rows; row++) {
                seen[row] = host.getAtIndex(ValueLayout.JAVA_INT, rows + row);
                long first = 2L * rows + (long) row * count;
                slots[row] = host.asSlice(4 * first, 4L * seen[row]).toArray(ValueLayout.JAVA_INT);
            }
            return new AttentionBatch(IntStream.rangeClosed(0, rows).toArray(), seen, slots);
        }
    }
}
