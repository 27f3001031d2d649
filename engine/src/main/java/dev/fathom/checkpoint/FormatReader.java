package dev.fathom.checkpoint;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Turns stored bytes into weights, whole or one rank's shard. Whole weights and row shards are views of the file;
 * column shards are copied, because their rows do not lie side by side.
 *
 * @param arena      where copies live
 * @param blockRows  rows per FP8 scale, and per INT8 scale where these are in blocks
 * @param blockCols  columns per such scale
 */
record FormatReader(Arena arena, int blockRows, int blockCols) {
    /** The width of blocks that kernels are written for. */
    private static final int USUAL = 128;

    /** The part [rowFrom, rowFrom + rows) x [colFrom, colFrom + cols) of a matrix with {@code stride} columns. */
    private record Part(int rowFrom, int rows, int colFrom, int cols, int stride) {}

    /** A weight in a format without scales. */
    WeightMatrix plain(StoredTensor stored, int rows, int cols, Shard shard) {
        Part part = part(stored.name(), rows, cols, shard);
        MemorySegment data = cut(stored.data(), part, 1, stored.type().bytes());
        return switch (stored.type()) {
            case F32 -> new F32Matrix(data, part.rows, part.cols);
            case F16 -> new F16Matrix(data, part.rows, part.cols);
            case BF16 -> new Bf16Matrix(data, part.rows, part.cols);
            case F8_E4M3, I8 -> throw new IllegalArgumentException(stored.name() + " has scales");
        };
    }

    /**
     * A weight in one of GGUF's block formats.
     *
     * @param data  of the whole weight, rows of whole blocks
     * @throws CheckpointException if a shard's border would run through a block
     */
    WeightMatrix blocks(String name, BlockFormat format, MemorySegment data, int rows, int cols, Shard shard) {
        Part part = part(name, rows, cols, shard);
        if (part.cols % format.columns() != 0) {
            throw new CheckpointException(name + ": " + shard.count() + " ranks would get " + part.cols
                    + " columns each, not a multiple of " + format + "'s block of " + format.columns()
                    + "; use fewer ranks or a BF16 file.");
        }
        return new BlockMatrix(format, cut(data, part, format.columns(), format.bytes()), part.rows, part.cols);
    }

    /**
     * An FP8 weight with its scales.
     *
     * @param scales  of the whole weight, [ceil(rows / blockRows), ceil(cols / blockCols)]
     * @throws CheckpointException if a shard's border would run through a block
     */
    WeightMatrix fp8(StoredTensor stored, Tensor scales, int rows, int cols, Shard shard) {
        return fp8(stored, scales, blockRows, blockCols, rows, cols, shard);
    }

    private WeightMatrix fp8(StoredTensor stored, Tensor scales, int tall, int wide, int rows, int cols, Shard shard) {
        Part part = part(stored.name(), rows, cols, shard);
        requireWholeBlocks(stored.name(), part, shard, "FP8", tall, wide);
        MemorySegment data = cut(stored.data(), part, 1, 1);
        return new Fp8BlockMatrix(data, scales(scales, part, tall, wide), part.rows, part.cols, tall, wide);
    }

    /**
     * An FP8 weight with one scale for each row, or for all of it: each is written down for every {@value #USUAL} columns, so
     * that the kernels of blocks serve it.
     *
     * @param scales  [rows, 1], or [1, 1]
     */
    WeightMatrix fp8Rows(StoredTensor stored, Tensor scales, int rows, int cols, Shard shard) {
        int tall = scales.rows() == 1 ? USUAL : 1;
        int scaleRows = Math.ceilDiv(rows, tall);
        int scaleCols = Math.ceilDiv(cols, USUAL);
        Tensor spread = new Tensor(arena.allocate(Tensor.byteSize(scaleRows, scaleCols), 64), scaleRows, scaleCols);
        for (int row = 0; row < scaleRows; row++) {
            for (int col = 0; col < scaleCols; col++) {
                spread.set(row, col, scales.get(scales.rows() == 1 ? 0 : row, 0));
            }
        }
        return fp8(stored, spread, tall, USUAL, rows, cols, shard);
    }

    /** Scales that are powers of two: a byte is the exponent plus 127, 255 is NaN. */
    Tensor powers(MemorySegment bytes, int rows, int cols) {
        Tensor floats = new Tensor(arena.allocate(Tensor.byteSize(rows, cols), 64), rows, cols);
        for (long i = 0; i < (long) rows * cols; i++) {
            int code = bytes.get(ValueLayout.JAVA_BYTE, i) & 0xFF;
            floats.data().set(Tensor.F32, 4 * i, code == 255 ? Float.NaN : Math.scalb(1f, code - 127));
        }
        return floats;
    }

    /**
     * An INT8 weight with its scales.
     *
     * @param scales  of the whole weight: in blocks as for FP8, or one for each row
     * @throws CheckpointException if blocks are not served, or a shard's border would run through one
     */
    WeightMatrix int8(StoredTensor stored, Tensor scales, boolean blocks, int rows, int cols, Shard shard) {
        int tall = blocks ? blockRows : 1;
        int wide = blocks ? blockCols : cols;
        if (wide < cols && wide % Int8Matrix.COLUMN_UNIT != 0) {
            throw new CheckpointException(stored.name() + ": INT8 blocks of " + tall + "x" + wide
                    + " (weight_block_size in config.json) are not served; they must be a multiple of "
                    + Int8Matrix.COLUMN_UNIT + " columns wide.");
        }
        Part part = part(stored.name(), rows, cols, shard);
        requireWholeBlocks(stored.name(), part, shard, "INT8", tall, blocks ? wide : 1);
        MemorySegment data = cut(stored.data(), part, 1, 1);
        return new Int8Matrix(data, scales(scales, part, tall, wide), part.rows, part.cols, tall, wide);
    }

    private static void requireWholeBlocks(
            String name, Part part, Shard shard, String format, int blockRows, int blockCols) {
        boolean byRows = shard.axis() == Shard.Axis.ROWS;
        int size = byRows ? part.rows : part.cols;
        int block = byRows ? blockRows : blockCols;
        if (shard.count() > 1 && size % block != 0) {
            throw new CheckpointException(name + ": " + shard.count() + " ranks would get " + size
                    + (byRows ? " rows" : " columns") + " each, not a multiple of the " + format + " block of " + block
                    + "; use fewer ranks or a BF16 checkpoint.");
        }
    }

    /** Those of a part of a weight that begins at a block's border. */
    private Tensor scales(Tensor whole, Part part, int blockRows, int blockCols) {
        int scaleRows = Math.ceilDiv(part.rows, blockRows);
        int scaleCols = Math.ceilDiv(part.cols, blockCols);
        Part scalePart =
                new Part(part.rowFrom / blockRows, scaleRows, part.colFrom / blockCols, scaleCols, whole.cols());
        return new Tensor(cut(whole.data(), scalePart, 1, 4), scaleRows, scaleCols);
    }

    /**
     * Numbers as float32 [rows, cols]: a view where they are stored so, else a converted copy.
     *
     * @throws CheckpointException for FP8 and INT8, which mean nothing without scales
     */
    Tensor floats(StoredTensor stored, int rows, int cols) {
        return switch (stored.type()) {
            case F32 -> new Tensor(stored.data(), rows, cols);
            case BF16 -> converted(stored.data(), rows, cols, Codecs::bf16ToFloat);
            case F16 -> converted(stored.data(), rows, cols, Float::float16ToFloat);
            case F8_E4M3, I8 ->
                throw new CheckpointException(
                        stored.name() + ": dtype " + stored.type() + " is served for matrices with scales"
                                + " only, this tensor must be F32, F16 or BF16; download the checkpoint again.");
        };
    }

    private interface HalfDecoder {
        float decode(short bits);
    }

    private Tensor converted(MemorySegment source, int rows, int cols, HalfDecoder decoder) {
        MemorySegment floats = arena.allocate(Tensor.byteSize(rows, cols), 64);
        long count = (long) rows * cols;
        for (long i = 0; i < count; i++) {
            floats.set(Tensor.F32, 4 * i, decoder.decode(source.get(Codecs.LE_SHORT, 2 * i)));
        }
        return new Tensor(floats.asReadOnly(), rows, cols);
    }

    private static Part part(String name, int rows, int cols, Shard shard) {
        boolean byRows = shard.axis() == Shard.Axis.ROWS;
        int size = byRows ? rows : cols;
        if (size % shard.count() != 0) {
            throw new CheckpointException(name + ": " + size + (byRows ? " rows" : " columns")
                    + " cannot be divided among " + shard.count() + " ranks; use a number of ranks that divides it.");
        }
        int each = size / shard.count();
        int from = each * shard.index();
        return byRows ? new Part(from, each, 0, cols, cols) : new Part(0, rows, from, each, cols);
    }

    /**
     * @param blockElements  elements of a row that are stored together; all columns of {@code part} are multiples of it
     * @param blockBytes     bytes they take
     */
    private MemorySegment cut(MemorySegment whole, Part part, int blockElements, int blockBytes) {
        long rowBytes = (long) part.cols / blockElements * blockBytes;
        long strideBytes = (long) part.stride / blockElements * blockBytes;
        long at = part.rowFrom * strideBytes;
        if (part.cols == part.stride) {
            return whole.asSlice(at, Math.multiplyExact(rowBytes, part.rows));
        }
        at += (long) part.colFrom / blockElements * blockBytes;
        MemorySegment copy = arena.allocate(Math.multiplyExact(rowBytes, part.rows), 64);
        for (int row = 0; row < part.rows; row++) {
            MemorySegment.copy(whole, at + row * strideBytes, copy, row * rowBytes, rowBytes);
        }
        return copy.asReadOnly();
    }
}
