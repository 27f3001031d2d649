package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Random weights of whatever shape is asked for, in the formats a checkpoint with the same configuration has: FP8 blocks
 * for the projections or none, BF16 otherwise. Numbers are of the size that keeps a
 * network's activations near one.
 */
public final class DummyWeights implements WeightSource {
    /** Of so many FP8 codes one is a zero: as rare as in trained weights, which differ from the others for a kernel. */
    private static final int CODES_PER_ZERO = 4000;

    private final int blockRows;
    private final int blockCols;
    private final Arena arena = Arena.ofShared();
    private final SplittableRandom random;
    private long bytes;

    private DummyWeights(int blockRows, int blockCols, long seed) {
        this.blockRows = blockRows;
        this.blockCols = blockCols;
        random = new SplittableRandom(seed);
    }

    /** FP8 projections, the rest BF16. */
    public static DummyWeights fp8(List<Integer> block, long seed) {
        return new DummyWeights(block.get(0), block.get(1), seed);
    }

    public static DummyWeights bf16(long seed) {
        return new DummyWeights(0, 0, seed);
    }

    @Override
    public boolean contains(String name) {
        return true;
    }

    @Override
    public WeightMatrix matrix(String name, int rows, int cols, Shard shard) {
        if (shard.count() != 1) {
            throw new IllegalArgumentException("random weights are not divided among ranks");
        }
        WeightMatrix matrix = blockRows > 0 && name.contains("_proj") ? fp8(rows, cols) : bf16(rows, cols);
        bytes += matrix.bytes();
        return matrix;
    }

    private WeightMatrix fp8(int rows, int cols) {
        MemorySegment codes = arena.allocate((long) rows * cols, 64);
        for (long i = 0; i < codes.byteSize(); i++) {
            int bits = random.nextInt();
            // A sign, an exponent from 2^-3 to 2^0, any mantissa.
            int code = (bits & 0x80) | ((4 + ((bits >>> 8) & 3)) << 3) | (bits & 7);
            codes.set(ValueLayout.JAVA_BYTE, i, random.nextInt(CODES_PER_ZERO) == 0 ? 0 : (byte) code);
        }
        int scaleRows = Math.ceilDiv(rows, blockRows);
        int scaleCols = Math.ceilDiv(cols, blockCols);
        Tensor scales = new Tensor(arena.allocate(Tensor.byteSize(scaleRows, scaleCols), 64), scaleRows, scaleCols);
        scales.fill((float) (1 / Math.sqrt(cols)));
        return new Fp8BlockMatrix(codes, scales, rows, cols, blockRows, blockCols);
    }

    private WeightMatrix bf16(int rows, int cols) {
        MemorySegment numbers = arena.allocate(2L * rows * cols, 64);
        float size = (float) (2 / Math.sqrt(cols));
        for (long i = 0; i < numbers.byteSize(); i += 2) {
            float value = (float) (random.nextDouble() - 0.5) * size;
            numbers.set(Codecs.LE_SHORT, i, Codecs.floatToBf16(value));
        }
        return new Bf16Matrix(numbers, rows, cols);
    }

    /** Ones: a norm's weight. */
    @Override
    public Tensor vector(String name, int size) {
        Tensor vector = new Tensor(arena.allocate(Tensor.byteSize(1, size), 64), 1, size);
        vector.fill(1);
        bytes += Tensor.byteSize(1, size);
        return vector;
    }

    @Override
    public void ignore(String prefix) {
        // There is nothing that could be left unread.
    }

    @Override
    public void requireAllUsed() {
        // Only what was asked for exists.
    }

    @Override
    public void pageIn(LoadProgress progress, int threads) {
        // Nothing is on a disk.
    }

    @Override
    public long totalBytes() {
        return bytes;
    }

    @Override
    public void close() {
        arena.close();
    }
}
