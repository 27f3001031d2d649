package dev.fathom.checkpoint;

import dev.fathom.tensor.WeightMatrix;

/** Rows of a tensor as float32, whatever they are stored as. */
interface RowReader {
    /** @param to  one row */
    void read(long row, float[] to);

    static RowReader of(WeightMatrix matrix) {
        return (row, to) -> matrix.row((int) row, to);
    }

    static RowReader of(float[] vector) {
        return (row, to) -> System.arraycopy(vector, 0, to, 0, to.length);
    }
}
