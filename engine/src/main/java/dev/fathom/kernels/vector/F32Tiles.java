package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.WeightMatrix.F32Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Float32 weights. */
record F32Tiles(F32Matrix weight) implements WeightTiles {
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
        long bytes = 4L * weight.cols();
        return weight.data().asSlice(Math.min(row, weight.rows() - 1) * bytes, bytes);
    }

    @Override
    public void expand(int row, int from, int count, MemorySegment panel) {
        expandRow(row(row).asSlice(4L * from, 4L * count), count, panel, 0);
        expandRow(row(row + 1).asSlice(4L * from, 4L * count), count, panel, BYTES);
        expandRow(row(row + 2).asSlice(4L * from, 4L * count), count, panel, 2 * BYTES);
        expandRow(row(row + 3).asSlice(4L * from, 4L * count), count, panel, 3 * BYTES);
    }

    /**
     * One row into a panel of four.
     *
     * @param at  byte offset of the row's first vector
     */
    static void expandRow(MemorySegment w, int count, MemorySegment panel, int at) {
        int whole = count & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector.fromMemorySegment(F32, w, 4L * i, LE).intoMemorySegment(panel, 16L * i + at, LE);
        }
        if (whole < count) {
            VectorMask<Float> tail = F32.indexInRange(whole, count);
            FloatVector.fromMemorySegment(F32, w, 4L * whole, LE, tail).intoMemorySegment(panel, 16L * whole + at, LE);
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
            a0 = v.fma(FloatVector.fromMemorySegment(F32, w0, 4L * i, LE), a0);
            a1 = v.fma(FloatVector.fromMemorySegment(F32, w1, 4L * i, LE), a1);
            a2 = v.fma(FloatVector.fromMemorySegment(F32, w2, 4L * i, LE), a2);
            a3 = v.fma(FloatVector.fromMemorySegment(F32, w3, 4L * i, LE), a3);
        }
        if (whole < cols) {
            VectorMask<Float> tail = F32.indexInRange(whole, cols);
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * whole, LE, tail);
            a0 = v.fma(FloatVector.fromMemorySegment(F32, w0, 4L * whole, LE, tail), a0);
            a1 = v.fma(FloatVector.fromMemorySegment(F32, w1, 4L * whole, LE, tail), a1);
            a2 = v.fma(FloatVector.fromMemorySegment(F32, w2, 4L * whole, LE, tail), a2);
            a3 = v.fma(FloatVector.fromMemorySegment(F32, w3, 4L * whole, LE, tail), a3);
        }
        a0.intoMemorySegment(acc, 0, LE);
        a1.intoMemorySegment(acc, BYTES, LE);
        a2.intoMemorySegment(acc, 2L * BYTES, LE);
        a3.intoMemorySegment(acc, 3L * BYTES, LE);
    }
}
