package dev.fathom.kernels.vector;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Rows of float32 numbers inside a larger piece of memory.
 *
 * @param first   byte offset of row 0
 * @param stride  bytes from one row to the next
 */
record Strided(MemorySegment data, long first, long stride) {
    static Strided of(Tensor tensor) {
        return new Strided(tensor.data(), 0, 4L * tensor.cols());
    }

    /** The part of each row that belongs to one head. */
    static Strided ofHead(HeadView view, int head) {
        return new Strided(
                view.tensor().data(), 4L * view.column(head), 4L * view.tensor().cols());
    }

    /** Byte offset of a row. */
    long at(int row) {
        return first + row * stride;
    }

    /** The first {@code columns} numbers of a row. */
    MemorySegment row(int row, int columns) {
        return data.asSlice(at(row), 4L * columns);
    }

    /** The same memory, beginning {@code rows} rows and {@code columns} columns later. */
    Strided from(int rows, int columns) {
        return new Strided(data, at(rows) + 4L * columns, stride);
    }
}
