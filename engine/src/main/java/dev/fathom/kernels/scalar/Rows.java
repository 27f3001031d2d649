package dev.fathom.kernels.scalar;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Rows of float32 numbers inside a larger piece of memory.
 *
 * @param first   byte offset of row 0
 * @param stride  bytes from one row to the next
 */
record Rows(MemorySegment data, long first, long stride) {
    static Rows of(Tensor tensor) {
        return new Rows(tensor.data(), 0, 4L * tensor.cols());
    }

    /** The part of each row that belongs to one head. */
    static Rows ofHead(HeadView view, int head) {
        return new Rows(
                view.tensor().data(), 4L * view.column(head), 4L * view.tensor().cols());
    }

    /** Byte offset of a row. */
    long at(int row) {
        return first + row * stride;
    }
}
