package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;

/**
 * How DeepSeek's own code rounds the queries and keys of its index: the Hadamard transform spreads large numbers over the
 * whole head, then each {@value #GROUP} columns become E4M3 numbers times one scale. The transform keeps dot products
 * (it is orthogonal), the rounding does not. In float32, with a the largest absolute value of the columns, at least 1e-4,
 *
 * <pre>{@code
 * scale = the smallest power of two that is not below a / 448;   x becomes e4m3(x / scale) * scale
 * }</pre>
 *
 * <p>Dividing by a power of two is exact, and so is the product: a BF16 cache keeps these numbers as they are. E4M3 rounds
 * to nearest, ties to even, with steps of 2^-9 below 2^-6. A number that is not finite makes its columns NaN.
 *
 * @see "DeepSeek-V3.2-Exp inference/model.py, rotate_activation; inference/kernel.py, act_quant with scale_fmt ue8m0"
 */
public final class RotatedFp8 {
    /** Columns that share a scale; the last group of a head may have fewer. */
    public static final int GROUP = 128;

    private static final float LARGEST = 448;
    private static final float SMALLEST = 1e-4f;
    /** Bits of a float32's mantissa that E4M3 does not have. */
    private static final int DROPPED = 20;
    /** The smallest number that E4M3 has with all its bits. */
    private static final float SMALLEST_NORMAL = 0x1p-6f;
    /** Near this number float32 numbers are 2^-9 apart. */
    private static final float SHIFT = 1.5f * 0x1p14f;

    private RotatedFp8() {}

    /** Whether heads of this width can be transformed. */
    public static boolean serves(int width) {
        return Integer.bitCount(width) == 1;
    }

    /**
     * One head of one row.
     *
     * @param head  memory for the head's numbers
     */
    public static void apply(HeadView x, int row, int column, float[] head) {
        int width = x.width();
        long at = x.tensor().offset(row, column);
        for (int i = 0; i < width; i++) {
            head[i] = x.tensor().data().get(Tensor.F32, at + 4L * i);
        }
        transform(head, width);
        for (int from = 0; from < width; from += GROUP) {
            round(head, from, Math.min(width, from + GROUP));
        }
        for (int i = 0; i < width; i++) {
            x.tensor().data().set(Tensor.F32, at + 4L * i, head[i]);
        }
    }

    /** Sums and differences of numbers 1 apart, then 2 apart, then 4; at last the factor width^-1/2. */
    static void transform(float[] head, int width) {
        for (int half = 1; half < width; half *= 2) {
            for (int from = 0; from < width; from += 2 * half) {
                for (int i = from; i < from + half; i++) {
                    float a = head[i];
                    float b = head[i + half];
                    head[i] = a + b;
                    head[i + half] = a - b;
                }
            }
        }
        float factor = (float) (1 / Math.sqrt(width));
        for (int i = 0; i < width; i++) {
            head[i] *= factor;
        }
    }

    /** Columns [from, to) share a scale. */
    static void round(float[] head, int from, int to) {
        float largest = SMALLEST;
        for (int i = from; i < to; i++) {
            largest = Math.max(largest, Math.abs(head[i]));
        }
        float scale = scale(largest);
        for (int i = from; i < to; i++) {
            head[i] = e4m3(head[i] / scale) * scale;
        }
    }

    /** The smallest power of two not below {@code largest} / 448; NaN where that is not finite. */
    static float scale(float largest) {
        if (!(largest <= Float.MAX_VALUE)) {
            return Float.NaN;
        }
        float needed = largest / LARGEST;
        float power = Math.scalb(1f, Math.getExponent(needed));
        return power < needed ? 2 * power : power;
    }

    /** To nearest, ties to even, for numbers of at most 448. */
    static float e4m3(float value) {
        if (Math.abs(value) < SMALLEST_NORMAL) {
            return value + SHIFT - SHIFT;
        }
        int bits = Float.floatToRawIntBits(value);
        int odd = (bits >>> DROPPED) & 1;
        int rounded = (bits + (1 << (DROPPED - 1)) - 1 + odd) & -(1 << DROPPED);
        return Float.isNaN(value) ? value : Float.intBitsToFloat(rounded);
    }
}
