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

    /** Byte offset of a row, the last one's for rows past it. */
    private long at(int row) {
        return 4L * Math.min(row, weight.rows() - 1) * weight.cols();
    }

    @Override
    public void expand(int row, int from, int count, MemorySegment panel, Workspace workspace) {
        for (int r = 0; r < HEIGHT; r++) {
            expandRow(weight.data(), at(row + r) + 4L * from, count, panel, (long) r * BYTES);
        }
    }

    /**
     * One row into a panel of four.
     *
     * @param at  byte offset of the row's first number
     * @param to  byte offset of the row's first vector in the panel
     */
    static void expandRow(MemorySegment data, long at, int count, MemorySegment panels, long to) {
        MemorySegment w = data.asSlice(at, 4L * count);
        MemorySegment panel = panels.asSlice(to);
        int whole = count & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector.fromMemorySegment(F32, w, 4L * i, LE).intoMemorySegment(panel, 16L * i, LE);
        }
        if (whole < count) {
            VectorMask<Float> tail = F32.indexInRange(whole, count);
            FloatVector.fromMemorySegment(F32, w, 4L * whole, LE, tail).intoMemorySegment(panel, 16L * whole, LE);
        }
    }

    @Override
    public void multiply(
            int row, int from, int count, MemorySegment x, long xAt, MemorySegment acc, Workspace workspace) {
        int whole = count & -COUNT;
        MemorySegment data = weight.data();
        long at = 4L * from;
        long rowAt = xAt + 4L * from;
        dots(data, at(row) + at, at(row + 1) + at, at(row + 2) + at, at(row + 3) + at, x, rowAt, whole, acc);
        if (whole < count) {
            for (int r = 0; r < HEIGHT; r++) {
                long last = at(row + r) + at + 4L * whole;
                lastColumns(data, last, count - whole, x, rowAt + 4L * whole, acc, (long) r * BYTES);
            }
        }
    }

    /** All whole vectors of columns. */
    private static void dots(
            MemorySegment data,
            long at0,
            long at1,
            long at2,
            long at3,
            MemorySegment xs,
            long xAt,
            int cols,
            MemorySegment acc) {
        MemorySegment w0 = data.asSlice(at0, 4L * cols);
        MemorySegment w1 = data.asSlice(at1, 4L * cols);
        MemorySegment w2 = data.asSlice(at2, 4L * cols);
        MemorySegment w3 = data.asSlice(at3, 4L * cols);
        MemorySegment x = xs.asSlice(xAt, 4L * cols);
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < cols; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
            a0 = v.fma(FloatVector.fromMemorySegment(F32, w0, 4L * i, LE), a0);
            a1 = v.fma(FloatVector.fromMemorySegment(F32, w1, 4L * i, LE), a1);
            a2 = v.fma(FloatVector.fromMemorySegment(F32, w2, 4L * i, LE), a2);
            a3 = v.fma(FloatVector.fromMemorySegment(F32, w3, 4L * i, LE), a3);
        }
        a0.intoMemorySegment(acc, 0, LE);
        a1.intoMemorySegment(acc, BYTES, LE);
        a2.intoMemorySegment(acc, 2L * BYTES, LE);
        a3.intoMemorySegment(acc, 3L * BYTES, LE);
    }

    /** The columns after the last whole vector, of one row. */
    private static void lastColumns(
            MemorySegment data, long at, int count, MemorySegment x, long xAt, MemorySegment acc, long accAt) {
        VectorMask<Float> tail = F32.indexInRange(0, count);
        FloatVector v = FloatVector.fromMemorySegment(F32, x, xAt, LE, tail);
        FloatVector w = FloatVector.fromMemorySegment(F32, data, at, LE, tail);
        v.fma(w, FloatVector.fromMemorySegment(F32, acc, accAt, LE)).intoMemorySegment(acc, accAt, LE);
    }
}
