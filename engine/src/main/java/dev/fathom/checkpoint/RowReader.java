package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.ValueLayout;

/** Rows of a tensor as float32, whatever they are stored as. */
interface RowReader {
    /** @param to  one row */
    void read(long row, float[] to);

    static RowReader of(WeightMatrix matrix) {
        return (row, to) -> {
            long first = row * to.length;
            // The formats that large checkpoints are in; the others by their definition.
            if (matrix instanceof Bf16Matrix w) {
                for (int i = 0; i < to.length; i++) {
                    to[i] = Codecs.bf16ToFloat(w.data().get(Codecs.LE_SHORT, 2 * (first + i)));
                }
            } else if (matrix instanceof Fp8BlockMatrix w) {
                Tensor scales = w.scales();
                int scaleRow = (int) row / w.blockRows();
                for (int i = 0; i < to.length; i++) {
                    to[i] = Codecs.e4m3ToFloat(w.data().get(ValueLayout.JAVA_BYTE, first + i))
                            * scales.get(scaleRow, i / w.blockCols());
                }
            } else {
                for (int i = 0; i < to.length; i++) {
                    to[i] = matrix.get((int) row, i);
                }
            }
        };
    }

    static RowReader of(float[] vector) {
        return (row, to) -> System.arraycopy(vector, 0, to, 0, to.length);
    }
}
