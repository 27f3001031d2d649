package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.MemorySegment;

/**
 * What stands for x where weights are small integers: each group of 32 columns is rounded to integers from -127 to 127 times
 * one scale, so that products are of integers. With a the group's largest absolute value, in float32,
 *
 * <pre>{@code
 * scale = a / 127;   code = round to nearest, ties to even, of x * (127 / a)
 * }</pre>
 *
 * <p>A group whose scale would be subnormal counts as zeros; one with a number that is not finite is NaN throughout. Every
 * backend rounds x so, and sums products of codes exactly or as float32 numbers in any order.
 */
public final class RoundedInput {
    /** Columns that share a scale; the last group of a row may have fewer. */
    public static final int GROUP = 32;

    /** Groups with a smaller largest value count as zeros: 127 times the smallest normal float32. */
    public static final float SMALLEST = 127 * Float.MIN_NORMAL;

    private static final int STEPS = 127;

    private RoundedInput() {}

    /** Whether products with this weight take x rounded. */
    public static boolean appliesTo(WeightMatrix weight) {
        return switch (weight) {
            case BlockMatrix w -> true;
            case F32Matrix w -> false;
            case Bf16Matrix w -> false;
            case F16Matrix w -> false;
            case Fp8BlockMatrix w -> false;
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
     * @param at    byte offset of the row in {@code x}
     * @param to    receives them from {@code toAt} on
     */
    public static void round(MemorySegment x, long at, int columns, float[] to, int toAt) {
        for (int from = 0; from < columns; from += GROUP) {
            int end = Math.min(columns, from + GROUP);
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
