package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The online softmax: each row keeps the largest score and the sum of exponentials so far in a state of {@value
 * #STATE_BYTES} bytes, and learns by what earlier results must be multiplied when a larger score comes.
 */
final class Softmax {
    /** Bytes of one state: maximum, sum, factor, unused. */
    static final int STATE_BYTES = 16;
    /** Offset of the factor that earlier results must be multiplied by. */
    private static final long FACTOR = 8;

    private static final long MAXIMUM = 0;
    private static final long SUM = 4;

    private Softmax() {}

    /**
     * Before the first key, or going on from a normalised result and its log-sum-exp.
     *
     * @param logSumExp  negative infinity before the first key
     */
    static void begin(MemorySegment states, long at, float logSumExp) {
        states.set(Tensor.F32, at + MAXIMUM, logSumExp);
        states.set(Tensor.F32, at + SUM, logSumExp == Float.NEGATIVE_INFINITY ? 0 : 1);
    }

    static float sum(MemorySegment states, long at) {
        return states.get(Tensor.F32, at + SUM);
    }

    static float logSumExp(MemorySegment states, long at) {
        return (float) (states.get(Tensor.F32, at + MAXIMUM) + Math.log(states.get(Tensor.F32, at + SUM)));
    }

    /**
     * Turns the first {@code count} scores of a row into exp(score * scale - maximum) with the maximum so far.
     *
     * @param rows   scores, from byte {@code rowAt} on; up to the next whole vector they are overwritten with zeros
     * @param count  at least 1
     */
    static void apply(MemorySegment rows, long rowAt, int count, float scale, MemorySegment states, long at) {
        int padded = Lanes.padded(count);
        for (int i = count; i < padded; i++) {
            rows.set(Tensor.F32, rowAt + 4L * i, Float.NEGATIVE_INFINITY);
        }
        float before = states.get(Tensor.F32, at + MAXIMUM);
        float maximum = Math.max(before, maximum(rows, rowAt, padded, scale));
        float sum = exponentials(rows, rowAt, padded, scale, maximum);
        float keep = before == Float.NEGATIVE_INFINITY ? 0 : (float) Math.exp((double) before - maximum);
        states.set(Tensor.F32, at + MAXIMUM, maximum);
        states.set(Tensor.F32, at + SUM, states.get(Tensor.F32, at + SUM) * keep + sum);
        states.set(Tensor.F32, at + FACTOR, keep);
    }

    private static float maximum(MemorySegment rows, long rowAt, int count, float scale) {
        MemorySegment scores = rows.asSlice(rowAt, 4L * count);
        FloatVector largest = FloatVector.broadcast(F32, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < count; i += COUNT) {
            largest = largest.max(
                    FloatVector.fromMemorySegment(F32, scores, 4L * i, LE).mul(scale));
        }
        return largest.reduceLanes(VectorOperators.MAX);
    }

    /** Returns their sum. */
    private static float exponentials(MemorySegment rows, long rowAt, int count, float scale, float maximum) {
        MemorySegment scores = rows.asSlice(rowAt, 4L * count);
        FloatVector sums = FloatVector.zero(F32);
        FloatVector factor = FloatVector.broadcast(F32, scale);
        FloatVector shift = FloatVector.broadcast(F32, -maximum);
        for (int i = 0; i < count; i += COUNT) {
            FloatVector p = Lanes.exp(
                    FloatVector.fromMemorySegment(F32, scores, 4L * i, LE).fma(factor, shift));
            sums = sums.add(p);
            p.intoMemorySegment(scores, 4L * i, LE);
        }
        return Lanes.sum(sums);
    }

    /**
     * Joins what two runs of keys gave for a row: their sums of values, and their states. Each has seen at least one key.
     *
     * @param all    memory of the first run, which becomes that of both: its row at byte rowAt, its state at stateAt
     * @param run    memory of the second run, likewise
     */
    static void merge(
            MemorySegment all, long rowAt, long stateAt, MemorySegment run, long runRowAt, long runStateAt, int width) {
        float before = all.get(Tensor.F32, stateAt + MAXIMUM);
        float other = run.get(Tensor.F32, runStateAt + MAXIMUM);
        float maximum = Math.max(before, other);
        float keep = (float) Math.exp((double) before - maximum);
        float gain = (float) Math.exp((double) other - maximum);
        float sum = all.get(Tensor.F32, stateAt + SUM) * keep + run.get(Tensor.F32, runStateAt + SUM) * gain;
        all.set(Tensor.F32, stateAt + MAXIMUM, maximum);
        all.set(Tensor.F32, stateAt + SUM, sum);
        MemorySegment row = all.asSlice(rowAt, 4L * width);
        MemorySegment more = run.asSlice(runRowAt, 4L * width);
        for (int i = 0; i < width; i += COUNT) {
            VectorMask<Float> mask = F32.indexInRange(i, width);
            FloatVector scaled =
                    FloatVector.fromMemorySegment(F32, more, 4L * i, LE, mask).mul(gain);
            FloatVector.fromMemorySegment(F32, row, 4L * i, LE, mask)
                    .fma(FloatVector.broadcast(F32, keep), scaled)
                    .intoMemorySegment(row, 4L * i, LE, mask);
        }
    }

    /** row = row * factor; does nothing where the factor is 1. */
    static void rescale(MemorySegment rows, long rowAt, int width, MemorySegment states, long at) {
        float factor = states.get(Tensor.F32, at + FACTOR);
        if (factor != 1) {
            multiply(rows, rowAt, width, factor);
        }
    }

    /** row = row / sum. */
    static void normalize(MemorySegment rows, long rowAt, int width, MemorySegment states, long at) {
        multiply(rows, rowAt, width, 1 / sum(states, at));
    }

    private static void multiply(MemorySegment rows, long rowAt, int width, float factor) {
        MemorySegment row = rows.asSlice(rowAt, 4L * width);
        int whole = width & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector.fromMemorySegment(F32, row, 4L * i, LE).mul(factor).intoMemorySegment(row, 4L * i, LE);
        }
        for (int i = whole; i < width; i++) {
            row.set(Tensor.F32, 4L * i, row.get(Tensor.F32, 4L * i) * factor);
        }
    }
}
