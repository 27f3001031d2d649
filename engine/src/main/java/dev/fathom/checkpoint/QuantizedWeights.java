package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * Weights of another source whose projections are quantized when they are asked for: copies that this one owns, about half as
 * large as BF16. The originals are given up, so that their pages never come into memory again. Embeddings, the output head,
 * norms, routers and what prepares them stay as they are, and so does kv_b_proj, which attention takes apart at load.
 */
public final class QuantizedWeights implements WeightSource {
    /** How a projection is stored here. */
    public enum Format {
        /** E4M3 in blocks of 128x128, the largest number of each being code 448. */
        FP8,
        /** INT8 with a scale for each row, the largest number of each being code 127. */
        INT8
    }

    private static final int BLOCK = 128;
    private static final float LARGEST_FP8 = 448;
    private static final float LARGEST_INT8 = 127;

    private final SafetensorsSource stored;
    private final Format format;
    private final LoadProgress progress;
    private final Arena arena = Arena.ofShared();
    private final AtomicLong bytesBefore = new AtomicLong();
    private final AtomicLong bytesAfter = new AtomicLong();

    /** @param stored  closed with this */
    public QuantizedWeights(SafetensorsSource stored, Format format, LoadProgress progress) {
        this.stored = stored;
        this.format = format;
        this.progress = progress;
    }

    @Override
    public boolean contains(String name) {
        return stored.contains(name);
    }

    @Override
    public WeightMatrix matrix(String name, int rows, int cols, Shard shard) {
        WeightMatrix matrix = stored.matrix(name, rows, cols, shard);
        if (!isQuantized(name)) {
            return matrix;
        }
        WeightMatrix quantized = switch (format) {
            case FP8 -> fp8(matrix);
            case INT8 -> int8(matrix);
        };
        stored.release(name);
        bytesBefore.addAndGet(matrix.bytes());
        bytesAfter.addAndGet(quantized.bytes());
        return quantized;
    }

    /** Whether a weight is a projection that is multiplied as it is. */
    static boolean isQuantized(String name) {
        return name.contains("_proj")
                && name.endsWith(".weight")
                && !name.endsWith("kv_b_proj.weight")
                && !name.endsWith("weights_proj.weight")
                && !name.endsWith("eh_proj.weight");
    }

    private WeightMatrix int8(WeightMatrix from) {
        int rows = from.rows();
        int cols = from.cols();
        MemorySegment codes = arena.allocate((long) rows * cols, 64);
        Tensor scales = new Tensor(arena.allocate(Tensor.byteSize(rows, 1), 64), rows, 1);
        IntStream.range(0, rows).parallel().forEach(row -> {
            float[] numbers = new float[cols];
            from.row(row, numbers);
            float scale = largest(numbers, 0, cols) / LARGEST_INT8;
            scales.set(row, 0, scale);
            for (int i = 0; i < cols; i++) {
                // A NaN casts to code 0; the row's scale is NaN then.
                byte code = scale == 0 ? 0 : (byte) Math.rint(numbers[i] / scale);
                codes.set(ValueLayout.JAVA_BYTE, (long) row * cols + i, code);
            }
        });
        return new Int8Matrix(codes, scales, rows, cols, 1, cols);
    }

    private WeightMatrix fp8(WeightMatrix from) {
        int rows = from.rows();
        int cols = from.cols();
        MemorySegment codes = arena.allocate((long) rows * cols, 64);
        int scaleRows = Math.ceilDiv(rows, BLOCK);
        int scaleCols = Math.ceilDiv(cols, BLOCK);
        Tensor scales = new Tensor(arena.allocate(Tensor.byteSize(scaleRows, scaleCols), 64), scaleRows, scaleCols);
        IntStream.range(0, scaleRows).parallel().forEach(blockRow -> {
            int first = blockRow * BLOCK;
            float[][] numbers = new float[Math.min(BLOCK, rows - first)][cols];
            for (int i = 0; i < numbers.length; i++) {
                from.row(first + i, numbers[i]);
            }
            for (int blockCol = 0; blockCol < scaleCols; blockCol++) {
                int begin = blockCol * BLOCK;
                int end = Math.min(cols, begin + BLOCK);
                float largest = 0;
                for (float[] row : numbers) {
                    largest = Math.max(largest, largest(row, begin, end));
                }
                float scale = largest / LARGEST_FP8;
                scales.set(blockRow, blockCol, scale);
                for (int i = 0; i < numbers.length; i++) {
                    for (int col = begin; col < end; col++) {
                        byte code = scale == 0 ? 0 : Codecs.floatToE4m3(numbers[i][col] / scale);
                        codes.set(ValueLayout.JAVA_BYTE, (long) (first + i) * cols + col, code);
                    }
                }
            }
        });
        return new Fp8BlockMatrix(codes, scales, rows, cols, BLOCK, BLOCK);
    }

    /** NaN if there is one. */
    private static float largest(float[] numbers, int from, int to) {
        float largest = 0;
        for (int i = from; i < to; i++) {
            largest = Math.max(largest, Math.abs(numbers[i]));
        }
        return largest;
    }

    @Override
    public Tensor vector(String name, int size) {
        return stored.vector(name, size);
    }

    @Override
    public void ignore(String prefix) {
        stored.ignore(prefix);
    }

    @Override
    public void requireAllUsed() {
        stored.requireAllUsed();
    }

    /** {@inheritDoc} Says first what the quantized weights take. */
    @Override
    public void pageIn(LoadProgress paging, int threads) {
        progress.say("Quantized the projections to " + format + ": " + megabytes(bytesAfter.get()) + " MB in memory, "
                + megabytes(bytesBefore.get()) + " MB in the checkpoint.\n");
        stored.pageIn(paging, threads);
    }

    private static long megabytes(long bytes) {
        return Math.round(bytes / 1e6);
    }

    /** In memory: of the files without what was quantized, and of the copies. */
    @Override
    public long totalBytes() {
        return stored.totalBytes() - bytesBefore.get() + bytesAfter.get();
    }

    @Override
    public void close() {
        stored.close();
        arena.close();
    }
}
