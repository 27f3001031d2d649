package dev.fathom.checkpoint;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.LazyMemory;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Random weights of whatever shape is asked for, in the formats a checkpoint with the same configuration has: FP8 blocks, INT8
 * or one of GGUF's block formats for the projections or neither, BF16 otherwise. Numbers are of the size that keeps a
 * network's activations near one. A weight is some thousand random numbers, repeated: making them is as fast as writing memory.
 */
public final class DummyWeights implements WeightSource {
    /** Of so many FP8 codes one is a zero: as rare as in trained weights, which differ from the others for a kernel. */
    private static final int CODES_PER_ZERO = 4000;

    /** A random integer of a block, with its group's scale where it has one, is about so large. */
    private static final int LARGE_CODE = 256;

    /** Random numbers of a weight before they repeat: a prime, so that its rows differ. */
    private static final int PERIOD = 65_521;

    private static final long BYTES_BETWEEN_WORDS = 4_000_000_000L;

    private final Format projections;
    private final boolean drawn;
    private final Arena arena = Arena.ofShared();
    private final SplittableRandom random;
    private final LoadProgress progress;
    private final long mostBytes;
    /** What all weights show that are not drawn. */
    private MemorySegment zeros = MemorySegment.NULL;

    private long bytes;
    private long numbers;

    /** Makes a weight of so many rows and columns. */
    private interface Format {
        WeightMatrix random(DummyWeights weights, int rows, int cols);
    }

    private DummyWeights(Format projections, long seed) {
        this(projections, new SplittableRandom(seed), LoadProgress.none(), Long.MAX_VALUE, true);
    }

    private DummyWeights(
            Format projections, SplittableRandom random, LoadProgress progress, long mostBytes, boolean drawn) {
        this.projections = projections;
        this.random = random;
        this.progress = progress;
        this.mostBytes = mostBytes;
        this.drawn = drawn;
    }

    /**
     * The same before any was made, saying how far it is.
     *
     * @param mostBytes  more are refused
     */
    public DummyWeights within(long mostBytes, LoadProgress told) {
        return new DummyWeights(projections, random, told, mostBytes, drawn);
    }

    /** FP8 projections, the rest BF16. */
    public static DummyWeights fp8(List<Integer> block, long seed) {
        return new DummyWeights((weights, rows, cols) -> weights.fp8(rows, cols, block.get(0), block.get(1)), seed);
    }

    /** INT8 projections, the rest BF16; an empty block is a scale for each row. */
    public static DummyWeights int8(List<Integer> block, long seed) {
        return new DummyWeights(
                (weights, rows, cols) -> block.isEmpty()
                        ? weights.int8(rows, cols, 1, cols)
                        : weights.int8(rows, cols, block.get(0), block.get(1)),
                seed);
    }

    /** Projections in blocks: of this format, or of Q8_0 or BF16 where rows are not whole blocks. */
    public static DummyWeights blocks(BlockFormat format, long seed) {
        return new DummyWeights((weights, rows, cols) -> weights.blocks(format, rows, cols), seed);
    }

    public static DummyWeights bf16(long seed) {
        return new DummyWeights(DummyWeights::bf16, seed);
    }

    /** The same formats and shapes over zeros that take no memory: for whoever wants to know what a model asks for. */
    public DummyWeights withoutNumbers() {
        return new DummyWeights(projections, random, LoadProgress.none(), Long.MAX_VALUE, false);
    }

    /** How many numbers were asked for. */
    public long numbers() {
        return numbers;
    }

    private MemorySegment allocate(long size) {
        if (drawn) {
            return arena.allocate(size, 64);
        }
        if (zeros.byteSize() < size) {
            zeros = LazyMemory.allocate(size, arena);
        }
        return zeros.asSlice(0, size);
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
        if (bytes + (long) rows * cols / 2 > mostBytes) {
            throw new CheckpointException("Random weights of this configuration take more than the "
                    + gigabytes(mostBytes) + " GB of memory there are: " + gigabytes(bytes) + " GB are made, and "
                    + name
                    + " is next; take fewer layers, with --json-model-override-args '{\"num_hidden_layers\": 4}'.");
        }
        WeightMatrix matrix = name.contains("_proj") ? projections.random(this, rows, cols) : bf16(rows, cols);
        long before = bytes;
        bytes += matrix.bytes();
        numbers += (long) rows * cols;
        if (bytes / BYTES_BETWEEN_WORDS > before / BYTES_BETWEEN_WORDS) {
            progress.say("Random weights: " + gigabytes(bytes) + " GB so far.\n");
        }
        return matrix;
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f", bytes / 1e9);
    }

    /** Repeats the first {@code period} bytes to the end. */
    private void repeat(MemorySegment data, long period) {
        for (long at = period; drawn && at < data.byteSize(); at += period) {
            MemorySegment.copy(data, 0, data, at, Math.min(period, data.byteSize() - at));
        }
    }

    private WeightMatrix fp8(int rows, int cols, int blockRows, int blockCols) {
        MemorySegment codes = allocate((long) rows * cols);
        for (long i = 0; drawn && i < Math.min(PERIOD, codes.byteSize()); i++) {
            int bits = random.nextInt();
            // A sign, an exponent from 2^-3 to 2^0, any mantissa.
            int code = (bits & 0x80) | ((4 + ((bits >>> 8) & 3)) << 3) | (bits & 7);
            codes.set(ValueLayout.JAVA_BYTE, i, random.nextInt(CODES_PER_ZERO) == 0 ? 0 : (byte) code);
        }
        repeat(codes, PERIOD);
        Tensor scales =
                constant(Math.ceilDiv(rows, blockRows), Math.ceilDiv(cols, blockCols), (float) (1 / Math.sqrt(cols)));
        return new Fp8BlockMatrix(codes, scales, rows, cols, blockRows, blockCols);
    }

    private WeightMatrix int8(int rows, int cols, int blockRows, int blockCols) {
        MemorySegment codes = allocate((long) rows * cols);
        for (long i = 0; drawn && i < Math.min(PERIOD, codes.byteSize()); i++) {
            codes.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        repeat(codes, PERIOD);
        Tensor scales = constant(Math.ceilDiv(rows, blockRows), Math.ceilDiv(cols, blockCols), (float)
                (1 / (LARGE_CODE * Math.sqrt(cols))));
        return new Int8Matrix(codes, scales, rows, cols, blockRows, blockCols);
    }

    private Tensor constant(int rows, int cols, float value) {
        Tensor tensor = new Tensor(arena.allocate(Tensor.byteSize(rows, cols), 64), rows, cols);
        tensor.fill(value);
        return tensor;
    }

    private WeightMatrix blocks(BlockFormat wanted, int rows, int cols) {
        BlockFormat format = cols % wanted.columns() == 0 ? wanted : BlockFormat.Q8_0;
        if (cols % format.columns() != 0) {
            return bf16(rows, cols);
        }
        MemorySegment data = allocate(format.rowBytes(cols) * rows);
        long period = (long) PERIOD / format.columns() * format.bytes();
        long made = Math.min(period, data.byteSize());
        for (long i = 0; drawn && i < made; i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        short scale = Float.floatToFloat16((float) (1 / (LARGE_CODE * Math.sqrt(cols))));
        for (long block = 0; drawn && block < made; block += format.bytes()) {
            for (int place : scalePlaces(format)) {
                data.set(Codecs.LE_SHORT, block + place, scale);
            }
        }
        repeat(data, period);
        return new BlockMatrix(format, data, rows, cols);
    }

    /** Byte offsets of a block's half-precision scales. */
    private static List<Integer> scalePlaces(BlockFormat format) {
        return switch (format) {
            case Q4_0, Q5_0, Q8_0, AWQ, IQ4_NL, IQ4_XS -> List.of(0);
            case Q4_1, Q5_1, Q4_K, Q5_K -> List.of(0, 2);
            case Q2_K -> List.of(80, 82);
            case Q3_K -> List.of(108);
            case Q6_K -> List.of(208);
        };
    }

    private WeightMatrix bf16(int rows, int cols) {
        MemorySegment data = allocate(2L * rows * cols);
        float size = (float) (2 / Math.sqrt(cols));
        for (long i = 0; drawn && i < Math.min(2L * PERIOD, data.byteSize()); i += 2) {
            float value = (float) (random.nextDouble() - 0.5) * size;
            data.set(Codecs.LE_SHORT, i, Codecs.floatToBf16(value));
        }
        repeat(data, 2L * PERIOD);
        return new Bf16Matrix(data, rows, cols);
    }

    /** Ones: a norm's weight. */
    @Override
    public Tensor vector(String name, int size) {
        bytes += Tensor.byteSize(1, size);
        numbers += size;
        return constant(1, size, 1);
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
        progress.say("Random weights: " + gigabytes(bytes) + " GB in memory.\n"); // nothing is on a disk
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
