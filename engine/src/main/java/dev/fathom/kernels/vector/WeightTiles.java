package dev.fathom.kernels.vector;

import dev.fathom.kernels.RoundedInput;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.MemorySegment;

/**
 * A weight read four rows at a time, always as the same float32 numbers (for FP8, value * scale rounded once). Rows past the
 * last one are read as the last one: whoever stores results leaves those out.
 */
sealed interface WeightTiles permits F32Tiles, Bf16Tiles, F16Tiles, Fp8Tiles, Int8Tiles, BlockTiles {
    /** Weight rows in a tile. */
    int HEIGHT = 4;

    int rows();

    int cols();

    /**
     * Columns [from, from + count) of four rows as float32, interleaved: for each vector of columns, row 0, 1, 2, 3.
     * Columns past the last are zero, up to a whole vector.
     *
     * @param from       a multiple of the lane count and of the format's block
     * @param workspace  the calling part's, for what a format must unpack first
     */
    void expand(int row, int from, int count, MemorySegment panel, Workspace workspace);

    /** Columns of x that are rounded together before, as {@link RoundedInput} says, or {@link RoundedInput#NONE}. */
    default int inputGroup() {
        return RoundedInput.NONE;
    }

    default boolean roundsInput() {
        return inputGroup() != RoundedInput.NONE;
    }

    /**
     * Whether {@link #multiply} is there: where reading the weight needs no work, a float32 copy would be all the work.
     */
    default boolean streams() {
        return false;
    }

    /**
     * Products of columns [from, from + count) of four rows with one row of x, not yet summed over lanes: bit for bit
     * what {@link Tiles#multiply} makes of the expanded columns.
     *
     * @param x    [cols] from byte xAt on
     * @param acc  four vectors, overwritten
     * @param workspace  the calling part's, as for {@link #expand}
     */
    default void multiply(
            int row, int from, int count, MemorySegment x, long xAt, MemorySegment acc, Workspace workspace) {
        throw new UnsupportedOperationException("multiply needs streams()");
    }

    static WeightTiles of(WeightMatrix weight) {
        return switch (weight) {
            case F32Matrix w -> new F32Tiles(w);
            case Bf16Matrix w -> new Bf16Tiles(w);
            case F16Matrix w -> new F16Tiles(w);
            case Fp8BlockMatrix w -> new Fp8Tiles(w);
            case Int8Matrix w -> new Int8Tiles(w);
            case BlockMatrix w -> BlockTiles.of(w);
        };
    }
}
