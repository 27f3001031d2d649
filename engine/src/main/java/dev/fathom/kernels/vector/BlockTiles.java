package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;

import dev.fathom.kernels.RoundedInput;
import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Weights in GGUF's block formats, expanded in registers: bytes to ints, shifts and masks, one conversion to float, one
 * multiplication or one fused with the subtraction of a minimum. All products are exact, so that this gives the bits of
 * {@link dev.fathom.tensor.WeightMatrix#get}. Rows are whole blocks: there are no columns after the last whole vector.
 */
sealed interface BlockTiles extends WeightTiles permits OffsetTiles, RareTiles, StreamedTiles {
    /** As many bytes as there are float lanes; with four lanes there is no such vector, and this one is not used. */
    VectorSpecies<Byte> I8 = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * COUNT)));

    /** Bytes of {@link KScales} of a block of 256 columns in {@link Workspace#scales}. */
    int BLOCK_SCALES = 128;

    /** The same for 1,024 columns of a row. */
    int ROW_SCALES = 4 * BLOCK_SCALES;

    BlockMatrix weight();

    @Override
    default int rows() {
        return weight().rows();
    }

    @Override
    default int cols() {
        return weight().cols();
    }

    @Override
    default int inputGroup() {
        return RoundedInput.group(weight());
    }

    /** Byte offset of a row's block that begins at column {@code from}; for rows past the last, of the last row's. */
    default long at(int row, int from) {
        BlockFormat format = weight().format();
        return format.rowBytes(cols()) * Math.min(row, rows() - 1) + format.rowBytes(from);
    }

    @Override
    default void expand(int row, int from, int count, MemorySegment panel, Workspace workspace) {
        for (int r = 0; r < HEIGHT; r++) {
            if (COUNT == 4) {
                expandSlowly(Math.min(row + r, rows() - 1), from, count, panel, (long) r * BYTES);
            } else {
                expandRow(at(row + r, from), count, panel, (long) r * BYTES, workspace.scales);
            }
        }
    }

    /**
     * Columns of one row into a panel of four.
     *
     * @param at      byte offset of the first block
     * @param count   columns, whole blocks
     * @param to      byte offset of the row's first vector in the panel
     * @param scales  room for the scales of {@code count} columns
     */
    void expandRow(long at, int count, MemorySegment panel, long to, MemorySegment scales);

    /** One number at a time. */
    default void expandSlowly(int row, int from, int count, MemorySegment panel, long to) {
        for (int i = 0; i < count; i++) {
            panel.set(Tensor.F32, to + 16L * (i & -COUNT) + 4L * (i & (COUNT - 1)), weight().get(row, from + i));
        }
    }

    /** {@inheritDoc} Not by default: a float32 copy serves a single row too. */
    @Override
    default boolean streams() {
        return false;
    }

    @Override
    default void multiply(
            int row, int from, int count, MemorySegment x, long xAt, MemorySegment acc, Workspace workspace) {
        throw new UnsupportedOperationException(weight().format() + " is not multiplied as stored");
    }

    static BlockTiles of(BlockMatrix weight) {
        return switch (weight.format()) {
            case Q4_0 -> new Q4Tiles(weight);
            case Q4_1, Q5_1, AWQ -> new OffsetTiles(weight);
            case IQ4_NL, IQ4_XS, Q2_K, Q3_K -> new RareTiles(weight);
            case Q5_0 -> new Q5Tiles(weight);
            case Q8_0 -> new Q8Tiles(weight);
            case Q4_K -> new Q4KTiles(weight);
            case Q5_K -> new Q5KTiles(weight);
            case Q6_K -> new Q6KTiles(weight);
        };
    }
}
