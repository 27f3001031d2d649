package dev.fathom.model.deepseek;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A weight that is put together from rows of others, exact in value: BF16 and F16 stay what they are, all other formats become
 * float32. Several threads may fill different rows, or columns, of it.
 */
final class CopiedWeight {
    /** What elements are stored as. */
    private enum Kind {
        BF16,
        F16,
        F32;

        static Kind of(WeightMatrix weight) {
            return switch (weight) {
                case Bf16Matrix w -> BF16;
                case F16Matrix w -> F16;
                case F32Matrix w -> F32;
                case Fp8BlockMatrix w -> F32;
                case Int8Matrix w -> F32;
                case BlockMatrix w -> F32;
            };
        }
    }

    private final Kind kind;
    private final MemorySegment data;
    private final int rows;
    private final int cols;

    /**
     * @param from   in whose format it is
     * @param other  the other weight that rows come from, or the same one; of two formats it is float32
     */
    CopiedWeight(WeightMatrix from, WeightMatrix other, int rows, int cols, Arena arena) {
        this.kind = Kind.of(from) == Kind.of(other) ? Kind.of(from) : Kind.F32;
        this.rows = rows;
        this.cols = cols;
        this.data = arena.allocate(Math.multiplyExact((kind == Kind.F32 ? 4L : 2L) * rows, cols), 64);
    }

    /** Rows [first, first + count) of a weight as wide as this one become rows from {@code to} on. */
    void rows(WeightMatrix from, int first, int count, int to) {
        if (kind != Kind.F32) {
            MemorySegment.copy(shorts(from), 2L * first * cols, data, 2L * to * cols, 2L * count * cols);
            return;
        }
        float[] row = new float[cols];
        for (int i = 0; i < count; i++) {
            from.row(first + i, row);
            MemorySegment.copy(row, 0, data, Tensor.F32, 4L * (to + i) * cols, cols);
        }
    }

    /** Rows [first, first + count) of a weight become the first {@code count} columns of rows from {@code to} on. */
    void transposed(WeightMatrix from, int first, int count, int to) {
        int width = from.cols();
        if (kind != Kind.F32) {
            MemorySegment shorts = shorts(from);
            for (int i = 0; i < count; i++) {
                for (int j = 0; j < width; j++) {
                    short bits = shorts.get(Codecs.LE_SHORT, 2 * ((long) (first + i) * width + j));
                    data.set(Codecs.LE_SHORT, 2 * ((long) (to + j) * cols + i), bits);
                }
            }
            return;
        }
        float[] row = new float[width];
        for (int i = 0; i < count; i++) {
            from.row(first + i, row);
            for (int j = 0; j < width; j++) {
                data.set(Tensor.F32, 4 * ((long) (to + j) * cols + i), row[j]);
            }
        }
    }

    private static MemorySegment shorts(WeightMatrix from) {
        return from instanceof Bf16Matrix w ? w.data() : ((F16Matrix) from).data();
    }

    WeightMatrix matrix() {
        return switch (kind) {
            case BF16 -> new Bf16Matrix(data, rows, cols);
            case F16 -> new F16Matrix(data, rows, cols);
            case F32 -> new F32Matrix(data, rows, cols);
        };
    }
}
