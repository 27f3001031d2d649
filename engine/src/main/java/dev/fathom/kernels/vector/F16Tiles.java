package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I16;
import static dev.fathom.kernels.vector.Lanes.I32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.WeightMatrix.F16Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** IEEE half precision weights. */
record F16Tiles(F16Matrix weight) implements WeightTiles {
    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int cols() {
        return weight.cols();
    }

    /** Byte offset of a row, the last one's for rows past it. */
    private long at(int row) {
        return 2L * Math.min(row, weight.rows() - 1) * weight.cols();
    }

    @Override
    public void expand(int row, int from, int count, MemorySegment panel, Workspace workspace) {
        for (int r = 0; r < HEIGHT; r++) {
            expandRow(weight.data(), at(row + r) + 2L * from, count, panel, (long) r * BYTES);
        }
    }

    /**
     * One row into a panel of four.
     *
     * @param at  byte offset of the row's first number
     * @param to  byte offset of the row's first vector in the panel
     */
    static void expandRow(MemorySegment data, long at, int count, MemorySegment panels, long to) {
        MemorySegment w = data.asSlice(at, 2L * count);
        MemorySegment panel = panels.asSlice(to);
        int whole = count & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            decode(ShortVector.fromMemorySegment(I16, w, 2L * i, LE)).intoMemorySegment(panel, 16L * i, LE);
        }
        if (whole < count) {
            VectorMask<Short> tail = I16.indexInRange(whole, count);
            decode(ShortVector.fromMemorySegment(I16, w, 2L * whole, LE, tail))
                    .intoMemorySegment(panel, 16L * whole, LE);
        }
    }

    /** Exact, subnormals, infinities and NaN included. */
    static FloatVector decode(ShortVector bits) {
        IntVector wide = (IntVector) bits.convertShape(VectorOperators.S2I, I32, 0);
        IntVector magnitude = wide.and(0x7FFF).lanewise(VectorOperators.LSHL, 13);
        // Exponent field 0 read as 2^-15 (1 + m / 1024) instead of 2^-24 m: twice that minus 2^-14 is right there, and
        // not
        // smaller than the number everywhere else, so the smaller of the two is right everywhere. No float is
        // subnormal.
        IntVector normal = magnitude.add(112 << 23);
        FloatVector twice =
                normal.reinterpretAsFloats().fma(FloatVector.broadcast(F32, 2f), FloatVector.broadcast(F32, -0x1p-14f));
        IntVector finite = normal.min(twice.reinterpretAsInts());
        IntVector all = finite.blend(
                magnitude.lanewise(VectorOperators.OR, 0x7F800000), magnitude.compare(VectorOperators.GE, 0x0F800000));
        return all.lanewise(VectorOperators.OR, wide.and(0x80000000)).reinterpretAsFloats();
    }
}
