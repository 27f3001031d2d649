package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.MemorySegment;

/**
 * What stands for x where weights are small integers: each group of columns is rounded to integers from -127 to 127 times
 * one scale, so that products are of integers. A group is 32 columns for GGUF's blocks, as many as share a scale for INT8. With a the group's largest absolute value, in float32,
 *
 * <pre>{@code
 * scale = a / 127;   code = round to nearest, ties to even, of x * (127 / a)
 * }</pre>
 *
 * <p>A group whose scale would be subnormal counts as zeros; one with a number that is not finite is NaN throughout. Every
 * backend rounds x so, and sums products of codes exactly or as float32 numbers in any order.
 */
public final class RoundedInput {
    /** Columns that share a scale with GGUF's blocks; the last group of a row may have fewer. */
    public static final int GROUP = 32;

    /** What {@link #group} says of weights whose products take x as it is. */
    public static final int NONE = 0;

    /** Groups with a smaller largest value count as zeros: 127 times the smallest normal float32. */
    public static final float SMALLEST = 127 * Float.MIN_NORMAL;

    private static final int STEPS = 127;

    private RoundedInput() {}

    /** Whether products with this weight take x rounded. */
    public static boolean appliesTo(WeightMatrix weight) {
        return group(weight) != NONE;
    }

    /** Columns of a group of x for products with this weight, at most its columns; {@link #NONE} where x stays as it is. */
    public static int group(WeightMatrix weight) {
        return switch (weight) {
            case BlockMatrix w -> GROUP;
            case Int8Matrix w -> Math.min(w.blockCols(), w.cols());
            case F32Matrix w -> NONE;
            case Bf16Matrix w -> NONE;
            case F16Matrix w -> NONE;
            case Fp8BlockMatrix w -> NONE;
        };
    }

    /** The scale of a group with this largest absolute value. */
    public static float scale(float largest) {
        return !(largest <= Float.MAX_VALUE) ? Float.NaN : largest < SMALLEST ? 0 : largest / STEPS;
    }

    /** What x is multiplied by before it is rounded to a code. */
    public static float steps(float largest) {
        return scale(largest) > 0 ? STEPS / largest : 0;
    }

    /**
     * Numbers of a row as code * scale.
     *
     * @param at     byte offset of the row in {@code x}
     * @param group  columns that share a scale
     * @param to     receives them from {@code toAt} on
     */
    public static void round(MemorySegment x, long at, int columns, int group, float[] to, int toAt) {
        for (int from = 0; from < columns; from += group) {
            int end = Math.min(columns, from + group);
            float largest = 0;
            for (int i = from; i < end; i++) {
                largest = Math.max(largest, Math.abs(x.get(Tensor.F32, at + 4L * i)));
            }
            float scale = scale(largest);
            float steps = steps(largest);
            for (int i = from; i < end; i++) {
                // A NaN scale makes all of the group NaN; numbers of groups that count as zeros become zero.
                float code = steps == 0 ? 0 : (float) Math.rint(x.get(Tensor.F32, at + 4L * i) * steps);
                to[toAt + i] = code * scale;
            }
        }
    }
}
