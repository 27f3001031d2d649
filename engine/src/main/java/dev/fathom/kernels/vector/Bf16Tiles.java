package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I16;
import static dev.fathom.kernels.vector.Lanes.I32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** BF16 weights: the upper half of a float32. */
record Bf16Tiles(Bf16Matrix weight) implements WeightTiles {
    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int cols() {
        return weight.cols();
    }

    @Override
    public boolean streams() {
        return true;
    }

    private MemorySegment row(int row) {
        long bytes = 2L * weight.cols();
        return weight.data().asSlice(Math.min(row, weight.rows() - 1) * bytes, bytes);
    }

    @Override
    public void expand(int row, int from, int count, MemorySegment panel) {
        expandRow(row(row).asSlice(2L * from, 2L * count), count, panel, 0);
        expandRow(row(row + 1).asSlice(2L * from, 2L * count), count, panel, BYTES);
        expandRow(row(row + 2).asSlice(2L * from, 2L * count), count, panel, 2 * BYTES);
        expandRow(row(row + 3).asSlice(2L * from, 2L * count), count, panel, 3 * BYTES);
    }

    /**
     * One row into a panel of four.
     *
     * @param at  byte offset of the row's first vector
     */
    static void expandRow(MemorySegment w, int count, MemorySegment panel, int at) {
        int whole = count & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            decode(ShortVector.fromMemorySegment(I16, w, 2L * i, LE)).intoMemorySegment(panel, 16L * i + at, LE);
        }
        if (whole < count) {
            VectorMask<Short> tail = I16.indexInRange(whole, count);
            decode(ShortVector.fromMemorySegment(I16, w, 2L * whole, LE, tail))
                    .intoMemorySegment(panel, 16L * whole + at, LE);
        }
    }

    @Override
    public void multiply(int row, MemorySegment x, MemorySegment acc) {
        dots(row(row), row(row + 1), row(row + 2), row(row + 3), x, weight.cols(), acc);
    }

    private static void dots(
            MemorySegment w0,
            MemorySegment w1,
            MemorySegment w2,
            MemorySegment w3,
            MemorySegment x,
            int cols,
            MemorySegment acc) {
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        int whole = cols & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
            a0 = v.fma(decode(ShortVector.fromMemorySegment(I16, w0, 2L * i, LE)), a0);
            a1 = v.fma(decode(ShortVector.fromMemorySegment(I16, w1, 2L * i, LE)), a1);
            a2 = v.fma(decode(ShortVector.fromMemorySegment(I16, w2, 2L * i, LE)), a2);
            a3 = v.fma(decode(ShortVector.fromMemorySegment(I16, w3, 2L * i, LE)), a3);
        }
        if (whole < cols) {
            VectorMask<Short> tail = I16.indexInRange(whole, cols);
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * whole, LE, F32.indexInRange(whole, cols));
            a0 = v.fma(decode(ShortVector.fromMemorySegment(I16, w0, 2L * whole, LE, tail)), a0);
            a1 = v.fma(decode(ShortVector.fromMemorySegment(I16, w1, 2L * whole, LE, tail)), a1);
            a2 = v.fma(decode(ShortVector.fromMemorySegment(I16, w2, 2L * whole, LE, tail)), a2);
            a3 = v.fma(decode(ShortVector.fromMemorySegment(I16, w3, 2L * whole, LE, tail)), a3);
        }
        a0.intoMemorySegment(acc, 0, LE);
        a1.intoMemorySegment(acc, BYTES, LE);
        a2.intoMemorySegment(acc, 2L * BYTES, LE);
        a3.intoMemorySegment(acc, 3L * BYTES, LE);
    }

    /** Exact. */
    static FloatVector decode(ShortVector bits) {
        IntVector wide = (IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0);
        return wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }
}
