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

    /** Byte offset of a row, the last one's for rows past it. */
    private long at(int row) {
        return 2L * Math.min(row, weight.rows() - 1) * weight.cols();
    }

    @Override
    public void expand(int row, int from, int count, MemorySegment panel, Workspace workspace) {
        MemorySegment data = weight.data();
        int whole = count & -COUNT;
        long at = 2L * from;
        expandFour(data, at(row) + at, at(row + 1) + at, at(row + 2) + at, at(row + 3) + at, whole, panel, 0);
        if (whole < count) {
            for (int r = 0; r < HEIGHT; r++) {
                expandRow(data, at(row + r) + at + 2L * whole, count - whole, panel, 16L * whole + (long) r * BYTES);
            }
        }
    }

    /**
     * Four rows into a panel.
     *
     * @param at0    byte offset of the first row's first number; the others' likewise
     * @param count  a multiple of COUNT
     * @param to     byte offset of the panel
     */
    static void expandFour(
            MemorySegment data, long at0, long at1, long at2, long at3, int count, MemorySegment panels, long to) {
        MemorySegment w0 = data.asSlice(at0, 2L * count);
        MemorySegment w1 = data.asSlice(at1, 2L * count);
        MemorySegment w2 = data.asSlice(at2, 2L * count);
        MemorySegment w3 = data.asSlice(at3, 2L * count);
        MemorySegment panel = panels.asSlice(to, 16L * count);
        for (int i = 0; i < count; i += COUNT) {
            long place = 16L * i;
            ((IntVector) ShortVector.fromMemorySegment(I16, w0, 2L * i, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .intoMemorySegment(panel, place, LE);
            ((IntVector) ShortVector.fromMemorySegment(I16, w1, 2L * i, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .intoMemorySegment(panel, place + BYTES, LE);
            ((IntVector) ShortVector.fromMemorySegment(I16, w2, 2L * i, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .intoMemorySegment(panel, place + 2L * BYTES, LE);
            ((IntVector) ShortVector.fromMemorySegment(I16, w3, 2L * i, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .intoMemorySegment(panel, place + 3L * BYTES, LE);
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

    @Override
    public void multiply(
            int row, int from, int count, MemorySegment x, long xAt, MemorySegment acc, Workspace workspace) {
        int whole = count & -COUNT;
        MemorySegment data = weight.data();
        long at = 2L * from;
        long rowAt = xAt + 4L * from;
        dots(data, at(row) + at, at(row + 1) + at, at(row + 2) + at, at(row + 3) + at, x, rowAt, whole, acc);
        if (whole < count) {
            for (int r = 0; r < HEIGHT; r++) {
                long last = at(row + r) + at + 2L * whole;
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
        MemorySegment w0 = data.asSlice(at0, 2L * cols);
        MemorySegment w1 = data.asSlice(at1, 2L * cols);
        MemorySegment w2 = data.asSlice(at2, 2L * cols);
        MemorySegment w3 = data.asSlice(at3, 2L * cols);
        MemorySegment x = xs.asSlice(xAt, 4L * cols);
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < cols; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
            a0 = v.fma(
                    ((IntVector) ShortVector.fromMemorySegment(I16, w0, 2L * i, LE)
                                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                            .lanewise(VectorOperators.LSHL, 16)
                            .reinterpretAsFloats(),
                    a0);
            a1 = v.fma(
                    ((IntVector) ShortVector.fromMemorySegment(I16, w1, 2L * i, LE)
                                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                            .lanewise(VectorOperators.LSHL, 16)
                            .reinterpretAsFloats(),
                    a1);
            a2 = v.fma(
                    ((IntVector) ShortVector.fromMemorySegment(I16, w2, 2L * i, LE)
                                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                            .lanewise(VectorOperators.LSHL, 16)
                            .reinterpretAsFloats(),
                    a2);
            a3 = v.fma(
                    ((IntVector) ShortVector.fromMemorySegment(I16, w3, 2L * i, LE)
                                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                            .lanewise(VectorOperators.LSHL, 16)
                            .reinterpretAsFloats(),
                    a3);
        }
        a0.intoMemorySegment(acc, 0, LE);
        a1.intoMemorySegment(acc, BYTES, LE);
        a2.intoMemorySegment(acc, 2L * BYTES, LE);
        a3.intoMemorySegment(acc, 3L * BYTES, LE);
    }

    /** The columns after the last whole vector, of one row. */
    private static void lastColumns(
            MemorySegment data, long at, int count, MemorySegment x, long xAt, MemorySegment acc, long accAt) {
        VectorMask<Short> tail = I16.indexInRange(0, count);
        FloatVector v = FloatVector.fromMemorySegment(F32, x, xAt, LE, F32.indexInRange(0, count));
        FloatVector w = decode(ShortVector.fromMemorySegment(I16, data, at, LE, tail));
        v.fma(w, FloatVector.fromMemorySegment(F32, acc, accAt, LE)).intoMemorySegment(acc, accAt, LE);
    }

    /** Exact. */
    static FloatVector decode(ShortVector bits) {
        IntVector wide = (IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0);
        return wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }
}
