package dev.fathom.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * A view of float32 numbers [rows, cols], row-major and dense. It owns nothing: whoever opened the arena closes it.
 *
 * @param data  at least rows * cols * 4 bytes, little-endian
 */
public record Tensor(MemorySegment data, int rows, int cols) {
    /** Little-endian float32 without alignment demands, the layout of every Tensor. */
    public static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public Tensor {
        if (rows < 0 || cols < 0) {
            throw new IllegalArgumentException("tensor dimensions must not be negative: [" + rows + ", " + cols + "]");
        }
        long wanted = byteSize(rows, cols);
        if (data.byteSize() < wanted) {
            throw new IllegalArgumentException("a [" + rows + ", " + cols + "] tensor needs " + wanted
                    + " bytes, the segment has " + data.byteSize());
        }
    }

    public static long byteSize(int rows, int cols) {
        return Math.multiplyExact(4L * rows, cols);
    }

    /** Rows [from, from + count) as a view. */
    public Tensor rows(int from, int count) {
        Objects.checkFromIndexSize(from, count, rows);
        return new Tensor(data.asSlice(byteSize(from, cols), byteSize(count, cols)), count, cols);
    }

    public float get(int row, int col) {
        return data.get(F32, offset(row, col));
    }

    public void set(int row, int col, float value) {
        data.set(F32, offset(row, col), value);
    }

    /** Byte offset of an element. */
    public long offset(int row, int col) {
        return 4L * ((long) Objects.checkIndex(row, rows) * cols + Objects.checkIndex(col, cols));
    }

    public void copyFrom(float[] values) {
        if (values.length != (long) rows * cols) {
            throw new IllegalArgumentException("expected " + (long) rows * cols + " numbers, got " + values.length);
        }
        MemorySegment.copy(values, 0, data, F32, 0, values.length);
    }

    public float[] toArray() {
        float[] values = new float[Math.multiplyExact(rows, cols)];
        MemorySegment.copy(data, F32, 0, values, 0, values.length);
        return values;
    }

    public void fill(float value) {
        if (value == 0) {
            data.asSlice(0, byteSize(rows, cols)).fill((byte) 0);
            return;
        }
        for (long i = 0, end = byteSize(rows, cols); i < end; i += 4) {
            data.set(F32, i, value);
        }
    }

    public void copyFrom(Tensor source) {
        if (source.rows != rows || source.cols != cols) {
            throw new IllegalArgumentException(
                    "cannot copy [" + source.rows + ", " + source.cols + "] into [" + rows + ", " + cols + "]");
        }
        MemorySegment.copy(source.data, 0, data, 0, byteSize(rows, cols));
    }
}
