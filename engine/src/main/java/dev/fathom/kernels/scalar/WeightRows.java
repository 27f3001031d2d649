package dev.fathom.kernels.scalar;

import dev.fathom.kernels.RoundedInput;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Weight rows as float32, and their products with rows of x. */
final class WeightRows {
    /** Weight rows decoded at a time: four independent sums keep the processor's adders busy. */
    static final int BLOCK = 4;

    private WeightRows() {}

    /** Decodes one row into {@code to[at ...]}, each number exactly as {@link WeightMatrix#get} gives it. */
    static void decode(WeightMatrix weight, int row, float[] to, int at) {
        int cols = weight.cols();
        long first = (long) row * cols;
        switch (weight) {
            case F32Matrix w -> MemorySegment.copy(w.data(), Tensor.F32, 4 * first, to, at, cols);
            case Bf16Matrix w -> {
                for (int i = 0; i < cols; i++) {
                    to[at + i] = Codecs.bf16ToFloat(w.data().get(Codecs.LE_SHORT, 2 * (first + i)));
                }
            }
            case F16Matrix w -> {
                for (int i = 0; i < cols; i++) {
                    to[at + i] = Float.float16ToFloat(w.data().get(Codecs.LE_SHORT, 2 * (first + i)));
                }
            }
            case BlockMatrix w -> {
                for (int i = 0; i < cols; i++) {
                    to[at + i] = w.get(row, i);
                }
            }
            case Int8Matrix w -> {
                for (int i = 0; i < cols; i++) {
                    to[at + i] = w.get(row, i);
                }
            }
            case Fp8BlockMatrix w -> {
                for (int block = 0; block < cols; block += w.blockCols()) {
                    float scale = w.scales().get(row / w.blockRows(), block / w.blockCols());
                    int end = Math.min(cols, block + w.blockCols());
                    for (int i = block; i < end; i++) {
                        to[at + i] = Codecs.e4m3ToFloat(w.data().get(ValueLayout.JAVA_BYTE, first + i)) * scale;
                    }
                }
            }
        }
    }

    /**
     * y[r, o - from] = sum over i of x[r, i] * w[o, i], for weight rows o in [from, to) and r in [0, m). Every sum runs
     * over i in order, in double, and is rounded once. x is rounded before where {@link RoundedInput} applies.
     *
     * @param buffer  at least BLOCK * cols
     * @param y       column 0 is weight row {@code from}
     */
    static void multiply(WeightMatrix weight, int from, int to, float[] buffer, Rows input, Rows y, int m) {
        int cols = weight.cols();
        int group = RoundedInput.group(weight);
        Rows x = group == RoundedInput.NONE ? input : rounded(input, m, cols, group);
        for (int o = from; o < to; o += BLOCK) {
            int count = Math.min(BLOCK, to - o);
            for (int i = 0; i < count; i++) {
                decode(weight, o + i, buffer, i * cols);
            }
            for (int r = 0; r < m; r++) {
                long out = y.at(r) + 4L * (o - from);
                if (count == BLOCK) {
                    fourDots(buffer, cols, x.data(), x.at(r), y.data(), out);
                } else {
                    for (int i = 0; i < count; i++) {
                        y.data().set(Tensor.F32, out + 4L * i, dot(buffer, i * cols, cols, x.data(), x.at(r)));
                    }
                }
            }
        }
    }

    private static Rows rounded(Rows x, int m, int cols, int group) {
        float[] rows = new float[Math.multiplyExact(m, cols)];
        for (int r = 0; r < m; r++) {
            RoundedInput.round(x.data(), x.at(r), cols, group, rows, r * cols);
        }
        return new Rows(MemorySegment.ofArray(rows), 0, 4L * cols);
    }

    private static void fourDots(float[] w, int cols, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        for (int i = 0; i < cols; i++) {
            double v = x.get(Tensor.F32, xAt + 4L * i);
            s0 += v * w[i];
            s1 += v * w[cols + i];
            s2 += v * w[2 * cols + i];
            s3 += v * w[3 * cols + i];
        }
        y.set(Tensor.F32, yAt, (float) s0);
        y.set(Tensor.F32, yAt + 4, (float) s1);
        y.set(Tensor.F32, yAt + 8, (float) s2);
        y.set(Tensor.F32, yAt + 12, (float) s3);
    }

    private static float dot(float[] w, int at, int cols, MemorySegment x, long xAt) {
        double sum = 0;
        for (int i = 0; i < cols; i++) {
            sum += (double) x.get(Tensor.F32, xAt + 4L * i) * w[at + i];
        }
        return (float) sum;
    }
}
