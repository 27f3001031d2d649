package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.BlockTiles.I8;
import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.kernels.RoundedInput;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Signed bytes with scales: one conversion and one multiplication in registers. Blocks end at whole vectors. */
record Int8Tiles(Int8Matrix weight) implements WeightTiles {
    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int cols() {
        return weight.cols();
    }

    @Override
    public int inputGroup() {
        return RoundedInput.group(weight);
    }

    @Override
    public boolean streams() {
        return COUNT > 4;
    }

    /** Columns [from, from + count) of a row, the last one's for rows past it. */
    private MemorySegment codes(int row, int from, int count) {
        return weight.data().asSlice((long) Math.min(row, rows() - 1) * cols() + from, count);
    }

    private FloatVector scale(int row, int col) {
        float scale = weight.scales().get(Math.min(row, rows() - 1) / weight.blockRows(), col / weight.blockCols());
        return FloatVector.broadcast(F32, scale);
    }

    /** Where the block that a column is in ends, or the columns do. */
    private int blockEnd(int col, int end) {
        return (int) Math.min(end, (col / weight.blockCols() + 1L) * weight.blockCols());
    }

    private static FloatVector decode(MemorySegment codes, int at, FloatVector scale) {
        return ((FloatVector) ByteVector.fromMemorySegment(I8, codes, at, LE).convertShape(VectorOperators.B2F, F32, 0))
                .mul(scale);
    }

    private static FloatVector decodeLast(MemorySegment codes, int at, int count, FloatVector scale) {
        VectorMask<Byte> tail = I8.indexInRange(at, count);
        return ((FloatVector)
                        ByteVector.fromMemorySegment(I8, codes, at, LE, tail).convertShape(VectorOperators.B2F, F32, 0))
                .mul(scale);
    }

    @Override
    public void expand(int row, int from, int count, MemorySegment panel, Workspace workspace) {
        for (int r = 0; r < HEIGHT; r++) {
            if (COUNT == 4) {
                expandSlowly(Math.min(row + r, rows() - 1), from, count, panel.asSlice((long) r * BYTES));
            } else {
                expandRow(row + r, from, count, panel.asSlice((long) r * BYTES));
            }
        }
    }

    private void expandRow(int row, int from, int count, MemorySegment panel) {
        MemorySegment w = codes(row, from, count);
        for (int col = from, end; col < from + count; col = end) {
            end = blockEnd(col, from + count);
            FloatVector scale = scale(row, col);
            int i = col - from;
            for (; i + COUNT <= end - from; i += COUNT) {
                decode(w, i, scale).intoMemorySegment(panel, 16L * i, LE);
            }
            if (i < end - from) {
                decodeLast(w, i, count, scale).intoMemorySegment(panel, 16L * i, LE);
            }
        }
    }

    private void expandSlowly(int row, int from, int count, MemorySegment panel) {
        for (int i = 0; i < Lanes.padded(count); i++) {
            float value = i < count ? weight.get(row, from + i) : 0;
            panel.set(Tensor.F32, 16L * (i & -COUNT) + 4L * (i & (COUNT - 1)), value);
        }
    }

    /** Two rows at a time, for the reason {@link BlockTiles#multiply} gives. */
    @Override
    public void multiply(
            int row, int from, int count, MemorySegment x, long xAt, MemorySegment acc, Workspace workspace) {
        MemorySegment columns = x.asSlice(xAt + 4L * from, 4L * count);
        multiplyTwo(row, from, count, columns, acc, 0);
        multiplyTwo(row + 2, from, count, columns, acc, 2L * BYTES);
    }

    private void multiplyTwo(int row, int from, int count, MemorySegment x, MemorySegment acc, long accAt) {
        MemorySegment w0 = codes(row, from, count);
        MemorySegment w1 = codes(row + 1, from, count);
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        for (int col = from, end; col < from + count; col = end) {
            end = blockEnd(col, from + count);
            FloatVector s0 = scale(row, col);
            FloatVector s1 = scale(row + 1, col);
            int i = col - from;
            for (; i + COUNT <= end - from; i += COUNT) {
                FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
                a0 = v.fma(decode(w0, i, s0), a0);
                a1 = v.fma(decode(w1, i, s1), a1);
            }
            if (i < end - from) {
                FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE, F32.indexInRange(i, count));
                a0 = v.fma(decodeLast(w0, i, count, s0), a0);
                a1 = v.fma(decodeLast(w1, i, count, s1), a1);
            }
        }
        a0.intoMemorySegment(acc, accAt, LE);
        a1.intoMemorySegment(acc, accAt + BYTES, LE);
    }
}
