package dev.fathom.kernels.vector;

import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.MemorySegment;

/**
 * A weight read four rows at a time. Both methods see the same float32 numbers (for FP8, value * scale rounded once) and
 * lane l of a vector always holds columns l, l + COUNT, l + 2 COUNT ..., so that one row of x gives the same bits through
 * either. Rows past the last one are read as the last one: whoever stores results leaves those out.
 */
sealed interface WeightTiles permits F32Tiles, Bf16Tiles, F16Tiles, Fp8Tiles {
    /** Weight rows in a tile. */
    int HEIGHT = 4;

    int rows();

    int cols();

    /**
     * Whether {@link #multiply} is there: it is, but for FP8 blocks whose borders fall inside vectors.
     */
    boolean streams();

    /**
     * Columns [from, from + count) of four rows as float32, interleaved: for each vector of columns, row 0, 1, 2, 3.
     * Columns past the last are zero, up to a whole vector.
     *
     * @param from  a multiple of the lane count
     */
    void expand(int row, int from, int count, MemorySegment panel);

    /**
     * Products of four rows with one row of x, not yet summed over lanes, read straight from the weight.
     *
     * @param x    [cols] exactly
     * @param acc  four vectors, overwritten
     */
    void multiply(int row, MemorySegment x, MemorySegment acc);

    static WeightTiles of(WeightMatrix weight) {
        return switch (weight) {
            case F32Matrix w -> new F32Tiles(w);
            case Bf16Matrix w -> new Bf16Tiles(w);
            case F16Matrix w -> new F16Tiles(w);
            case Fp8BlockMatrix w -> new Fp8Tiles(w);
        };
    }
}
