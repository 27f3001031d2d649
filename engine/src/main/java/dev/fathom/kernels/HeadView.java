package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;

/**
 * The same columns of every head of every row: head h of row t is the {@code width} numbers that start at column
 * {@code h * stride + offset} of {@code tensor}. It lets an operation read or write a part of each head (the rope part
 * of a query, say) without a copy.
 *
 * @param tensor  [tokens, at least (heads - 1) * stride + offset + width]
 */
public record HeadView(Tensor tensor, int heads, int stride, int offset, int width) {
    public HeadView {
        if (heads < 1
                || width < 1
                || offset < 0
                || stride < 0
                || (long) (heads - 1) * stride + offset + width > tensor.cols()) {
            throw new IllegalArgumentException(heads + " heads of width " + width + " at offset " + offset + ", stride "
                    + stride + " do not fit in " + tensor.cols() + " columns");
        }
    }

    /** All columns, divided evenly among heads. */
    public static HeadView of(Tensor tensor, int heads) {
        int width = tensor.cols() / heads;
        return new HeadView(tensor, heads, width, 0, width);
    }

    public int rows() {
        return tensor.rows();
    }

    /** Columns [from, from + count) of each head. */
    public HeadView columns(int from, int count) {
        if (from < 0 || count < 1 || from + count > width) {
            throw new IllegalArgumentException(
                    "columns [" + from + ", " + (from + count) + ") of a head " + width + " wide");
        }
        return new HeadView(tensor, heads, stride, offset + from, count);
    }

    /** Rows [from, from + count). */
    public HeadView rows(int from, int count) {
        return new HeadView(tensor.rows(from, count), heads, stride, offset, width);
    }

    /** Column of the first number of a head. */
    public int column(int head) {
        return head * stride + offset;
    }
}
