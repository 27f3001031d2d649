package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * The steps both attention forms are made of: scores of a tile of queries against a block of keys, the online softmax, and
 * the weighted sum of values. Keys come in blocks of {@value #BLOCK}, counted from the first key, and are added in order:
 * what a row gets does not depend on the rows beside it.
 */
final class Attention {
    /** Keys in a block: their float32 copy (147 KiB for 576 columns) stays in the second-level cache. */
    static final int BLOCK = 64;

    /** Bytes from one row of scores to the next. */
    static final int SCORE_STRIDE = 4 * BLOCK;

    /** Bytes of one row's softmax state: maximum, sum, factor, unused. */
    static final int STATE_BYTES = 16;

    private static final long MAXIMUM = 0;
    private static final long SUM = 4;
    private static final long FACTOR = 8;

    private Attention() {}

    /**
     * Scores of {@code height} queries for keys [0, keys), and up to three unspecified ones behind them.
     *
     * @param queries  panel [columns / COUNT, height, COUNT]
     * @param keys     number of keys, at most BLOCK
     * @param panels   key panels [ceil(keys / 4)][columns / COUNT, 4, COUNT]
     * @param scores   [height, BLOCK]
     */
    static void scores(
            int height,
            MemorySegment queries,
            int columns,
            int keys,
            MemorySegment panels,
            MemorySegment scores,
            Workspace workspace) {
        long panelBytes = 16L * columns;
        MemorySegment tile = workspace.tile.asSlice(0, (long) height * Tiles.ROW_BYTES);
        for (int k = 0; k < keys; k += 4) {
            MemorySegment panel = panels.asSlice(k / 4 * panelBytes, panelBytes);
            Tiles.multiply(height, queries, panel, columns, workspace.zeros, tile);
            Tiles.store(height, 4, tile, workspace.lanes, scores, 4L * k, SCORE_STRIDE);
        }
    }

    /** Before the first key: maximum negative infinity, sum zero. */
    static void begin(MemorySegment state) {
        resume(state, Float.NEGATIVE_INFINITY, 0);
    }

    /** Goes on from a normalised result and its log-sum-exp (maximum that, sum 1). */
    static void resume(MemorySegment state, float maximum, float sum) {
        state.set(Tensor.F32, MAXIMUM, maximum);
        state.set(Tensor.F32, SUM, sum);
    }

    static float sum(MemorySegment state) {
        return state.get(Tensor.F32, SUM);
    }

    static float logSumExp(MemorySegment state) {
        return (float) (state.get(Tensor.F32, MAXIMUM) + Math.log(state.get(Tensor.F32, SUM)));
    }

    /**
     * Turns the first {@code count} scores of a row into exp(score * scale - maximum) with the maximum so far, and leaves
     * in the state what earlier results must be multiplied by.
     *
     * @param scores  [BLOCK]
     * @param count   at least 1
     */
    static void softmax(MemorySegment scores, int count, float scale, MemorySegment state) {
        int whole = count & -COUNT;
        VectorMask<Float> tail = F32.indexInRange(whole, count);
        FloatVector largest = FloatVector.broadcast(F32, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < whole; i += COUNT) {
            largest = largest.max(
                    FloatVector.fromMemorySegment(F32, scores, 4L * i, LE).mul(scale));
        }
        if (whole < count) {
            FloatVector last =
                    FloatVector.fromMemorySegment(F32, scores, 4L * whole, LE).mul(scale);
            largest = largest.max(
                    FloatVector.broadcast(F32, Float.NEGATIVE_INFINITY).blend(last, tail));
        }
        float before = state.get(Tensor.F32, MAXIMUM);
        float maximum = Math.max(before, Lanes.max(largest));
        FloatVector sums = FloatVector.zero(F32);
        FloatVector factor = FloatVector.broadcast(F32, scale);
        FloatVector shift = FloatVector.broadcast(F32, -maximum);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector p = Lanes.exp(
                    FloatVector.fromMemorySegment(F32, scores, 4L * i, LE).fma(factor, shift));
            sums = sums.add(p);
            p.intoMemorySegment(scores, 4L * i, LE);
        }
        if (whole < count) {
            FloatVector p = Lanes.exp(
                    FloatVector.fromMemorySegment(F32, scores, 4L * whole, LE).fma(factor, shift));
            p = FloatVector.zero(F32).blend(p, tail);
            sums = sums.add(p);
            p.intoMemorySegment(scores, 4L * whole, LE);
        }
        float keep = before == Float.NEGATIVE_INFINITY ? 0 : (float) Math.exp((double) before - maximum);
        state.set(Tensor.F32, MAXIMUM, maximum);
        state.set(Tensor.F32, SUM, state.get(Tensor.F32, SUM) * keep + Lanes.sum(sums));
        state.set(Tensor.F32, FACTOR, keep);
    }

    /** Makes the factor 1: the next weighted sum adds to what is there. */
    static void keepAll(MemorySegment state) {
        state.set(Tensor.F32, FACTOR, 1f);
    }

    /**
     * out[r] = out[r] * factor[r] + sum over keys [from, to) of scores[r, key] * value[key].
     *
     * @param height   1, 2 or 4 rows
     * @param states   [height] states; their factors count
     * @param panels   value panels, panelBytes apart, each [at least width / COUNT, 4, COUNT]
     * @param out      row 0 of the tile
     */
    static void addValues(
            int height,
            MemorySegment scores,
            MemorySegment states,
            int from,
            int to,
            MemorySegment panels,
            long panelBytes,
            int width,
            Strided out) {
        int column = 0;
        for (; column + 4 * COUNT <= width; column += 4 * COUNT) {
            for (int r = 0; r < height; r += 2) {
                MemorySegment s = scores.asSlice((long) r * SCORE_STRIDE);
                MemorySegment state = states.asSlice((long) r * STATE_BYTES);
                if (height - r >= 2) {
                    addFour2(s, state, from, to, panels, panelBytes, column, out.from(r, column));
                } else {
                    addFour1(s, state, from, to, panels, panelBytes, column, out.from(r, column));
                }
            }
        }
        for (; column < width; column += COUNT) {
            for (int r = 0; r < height; r++) {
                MemorySegment s = scores.asSlice((long) r * SCORE_STRIDE, SCORE_STRIDE);
                float factor = states.get(Tensor.F32, (long) r * STATE_BYTES + FACTOR);
                int count = Math.min(COUNT, width - column);
                addOne(
                        s,
                        factor,
                        from,
                        to,
                        panels,
                        panelBytes,
                        column,
                        out.from(r, column).row(0, count),
                        count);
            }
        }
    }

    /** Four vectors of columns of two rows. */
    private static void addFour2(
            MemorySegment scores,
            MemorySegment states,
            int from,
            int to,
            MemorySegment panels,
            long panelBytes,
            int column,
            Strided out) {
        MemorySegment s0 = scores.asSlice(0, SCORE_STRIDE);
        MemorySegment s1 = scores.asSlice(SCORE_STRIDE, SCORE_STRIDE);
        MemorySegment out0 = out.data().asSlice(out.at(0), 4L * BYTES);
        MemorySegment out1 = out.data().asSlice(out.at(1), 4L * BYTES);
        float f0 = states.get(Tensor.F32, FACTOR);
        float f1 = states.get(Tensor.F32, STATE_BYTES + FACTOR);
        FloatVector a0 = FloatVector.fromMemorySegment(F32, out0, 0, LE).mul(f0);
        FloatVector a1 = FloatVector.fromMemorySegment(F32, out0, BYTES, LE).mul(f0);
        FloatVector a2 =
                FloatVector.fromMemorySegment(F32, out0, 2L * BYTES, LE).mul(f0);
        FloatVector a3 =
                FloatVector.fromMemorySegment(F32, out0, 3L * BYTES, LE).mul(f0);
        FloatVector b0 = FloatVector.fromMemorySegment(F32, out1, 0, LE).mul(f1);
        FloatVector b1 = FloatVector.fromMemorySegment(F32, out1, BYTES, LE).mul(f1);
        FloatVector b2 =
                FloatVector.fromMemorySegment(F32, out1, 2L * BYTES, LE).mul(f1);
        FloatVector b3 =
                FloatVector.fromMemorySegment(F32, out1, 3L * BYTES, LE).mul(f1);
        long first = 16L * column;
        for (int k = from; k < to; k++) {
            // One check for the four loads of a key: their places in the slice are constants.
            MemorySegment value = panels.asSlice(first + (k >> 2) * panelBytes + (long) (k & 3) * BYTES, 13L * BYTES);
            FloatVector p = FloatVector.broadcast(F32, s0.get(Tensor.F32, 4L * k));
            FloatVector q = FloatVector.broadcast(F32, s1.get(Tensor.F32, 4L * k));
            FloatVector v = FloatVector.fromMemorySegment(F32, value, 0, LE);
            a0 = v.fma(p, a0);
            b0 = v.fma(q, b0);
            v = FloatVector.fromMemorySegment(F32, value, 4L * BYTES, LE);
            a1 = v.fma(p, a1);
            b1 = v.fma(q, b1);
            v = FloatVector.fromMemorySegment(F32, value, 8L * BYTES, LE);
            a2 = v.fma(p, a2);
            b2 = v.fma(q, b2);
            v = FloatVector.fromMemorySegment(F32, value, 12L * BYTES, LE);
            a3 = v.fma(p, a3);
            b3 = v.fma(q, b3);
        }
        a0.intoMemorySegment(out0, 0, LE);
        a1.intoMemorySegment(out0, BYTES, LE);
        a2.intoMemorySegment(out0, 2L * BYTES, LE);
        a3.intoMemorySegment(out0, 3L * BYTES, LE);
        b0.intoMemorySegment(out1, 0, LE);
        b1.intoMemorySegment(out1, BYTES, LE);
        b2.intoMemorySegment(out1, 2L * BYTES, LE);
        b3.intoMemorySegment(out1, 3L * BYTES, LE);
    }

    /** Four vectors of columns of one row. */
    private static void addFour1(
            MemorySegment scores,
            MemorySegment states,
            int from,
            int to,
            MemorySegment panels,
            long panelBytes,
            int column,
            Strided out) {
        MemorySegment s0 = scores.asSlice(0, SCORE_STRIDE);
        MemorySegment out0 = out.data().asSlice(out.at(0), 4L * BYTES);
        float f0 = states.get(Tensor.F32, FACTOR);
        FloatVector a0 = FloatVector.fromMemorySegment(F32, out0, 0, LE).mul(f0);
        FloatVector a1 = FloatVector.fromMemorySegment(F32, out0, BYTES, LE).mul(f0);
        FloatVector a2 =
                FloatVector.fromMemorySegment(F32, out0, 2L * BYTES, LE).mul(f0);
        FloatVector a3 =
                FloatVector.fromMemorySegment(F32, out0, 3L * BYTES, LE).mul(f0);
        long first = 16L * column;
        for (int k = from; k < to; k++) {
            MemorySegment value = panels.asSlice(first + (k >> 2) * panelBytes + (long) (k & 3) * BYTES, 13L * BYTES);
            FloatVector p = FloatVector.broadcast(F32, s0.get(Tensor.F32, 4L * k));
            a0 = FloatVector.fromMemorySegment(F32, value, 0, LE).fma(p, a0);
            a1 = FloatVector.fromMemorySegment(F32, value, 4L * BYTES, LE).fma(p, a1);
            a2 = FloatVector.fromMemorySegment(F32, value, 8L * BYTES, LE).fma(p, a2);
            a3 = FloatVector.fromMemorySegment(F32, value, 12L * BYTES, LE).fma(p, a3);
        }
        a0.intoMemorySegment(out0, 0, LE);
        a1.intoMemorySegment(out0, BYTES, LE);
        a2.intoMemorySegment(out0, 2L * BYTES, LE);
        a3.intoMemorySegment(out0, 3L * BYTES, LE);
    }

    /** What is left of the columns: one vector of one row. */
    private static void addOne(
            MemorySegment scores,
            float factor,
            int from,
            int to,
            MemorySegment panels,
            long panelBytes,
            int column,
            MemorySegment out,
            int count) {
        VectorMask<Float> mask = F32.indexInRange(0, count);
        FloatVector a = FloatVector.fromMemorySegment(F32, out, 0, LE, mask).mul(factor);
        for (int k = from; k < to; k++) {
            long at = 16L * column + (k >> 2) * panelBytes + (long) (k & 3) * BYTES;
            FloatVector p = FloatVector.broadcast(F32, scores.get(Tensor.F32, 4L * k));
            a = FloatVector.fromMemorySegment(F32, panels, at, LE).fma(p, a);
        }
        a.intoMemorySegment(out, 0, LE, mask);
    }

    /** row = row / by. */
    static void divide(MemorySegment row, int width, float by) {
        float factor = 1 / by;
        int whole = width & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector.fromMemorySegment(F32, row, 4L * i, LE).mul(factor).intoMemorySegment(row, 4L * i, LE);
        }
        for (int i = whole; i < width; i++) {
            row.set(Tensor.F32, 4L * i, row.get(Tensor.F32, 4L * i) * factor);
        }
    }
}
