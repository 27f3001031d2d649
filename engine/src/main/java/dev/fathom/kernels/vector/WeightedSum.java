package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I16;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;

/**
 * The second product of attention: values weighted by probabilities are added to what rows have so far. Keys are added in
 * order to every number of out, so that the height of a tile and the cut of the keys change nothing.
 *
 * <p>The values of a block of keys lie in groups of four vectors of columns: [groups][BLOCK keys][4 * COUNT columns], so
 * that a group is read from front to back. Columns are padded to whole vectors, vectors to whole groups.
 */
final class WeightedSum {
    /** Bytes from one row of probabilities to the next. */
    private static final int STRIDE = Attention.SCORE_STRIDE;

    private static final int GROUP = 4 * COUNT;
    private static final long GROUP_BYTES = 4L * BYTES * Attention.BLOCK;

    private WeightedSum() {}

    /** Bytes of the values of a block of keys. */
    static long bytes(int width) {
        return Math.ceilDiv(width, GROUP) * GROUP_BYTES;
    }

    /** Puts the value of one key into its place. */
    static void pack(MemorySegment data, long at, int width, MemorySegment values, int key) {
        long place = 4L * BYTES * key;
        int column = 0;
        for (; column + GROUP <= width; column += GROUP) {
            MemorySegment.copy(data, at + 4L * column, values, place, 4L * GROUP);
            place += GROUP_BYTES;
        }
        if (column < width) {
            MemorySegment.copy(data, at + 4L * column, values, place, 4L * (width - column));
        }
    }

    /** The same from BF16. */
    static void packBf16(MemorySegment data, long at, int width, MemorySegment values, int key) {
        MemorySegment value = data.asSlice(at, 2L * width);
        MemorySegment to = values.asSlice(4L * BYTES * key);
        int whole = width & -COUNT;
        for (int column = 0; column < whole; column += COUNT) {
            Bf16Tiles.decode(ShortVector.fromMemorySegment(I16, value, 2L * column, LE))
                    .intoMemorySegment(to, place(column), LE);
        }
        if (whole < width) {
            VectorMask<Short> tail = I16.indexInRange(whole, width);
            Bf16Tiles.decode(ShortVector.fromMemorySegment(I16, value, 2L * whole, LE, tail))
                    .intoMemorySegment(to, place(whole), LE);
        }
    }

    /**
     * The values of four keys at once: rows of the cache lie pages apart, where no prefetcher follows, so that reading one
     * after the other waits for memory four times as often.
     *
     * @param at0    byte offset of the first value in the layer's memory; the others' likewise
     * @param width  a multiple of COUNT
     * @param key    of the first; the others follow
     */
    static void packFourBf16(
            MemorySegment data, long at0, long at1, long at2, long at3, int width, MemorySegment values, int key) {
        MemorySegment v0 = data.asSlice(at0, 2L * width);
        MemorySegment v1 = data.asSlice(at1, 2L * width);
        MemorySegment v2 = data.asSlice(at2, 2L * width);
        MemorySegment v3 = data.asSlice(at3, 2L * width);
        MemorySegment to = values.asSlice(4L * BYTES * key);
        for (int column = 0; column < width; column += COUNT) {
            long place = place(column);
            FloatVector a = Bf16Tiles.decode(ShortVector.fromMemorySegment(I16, v0, 2L * column, LE));
            FloatVector b = Bf16Tiles.decode(ShortVector.fromMemorySegment(I16, v1, 2L * column, LE));
            FloatVector c = Bf16Tiles.decode(ShortVector.fromMemorySegment(I16, v2, 2L * column, LE));
            FloatVector d = Bf16Tiles.decode(ShortVector.fromMemorySegment(I16, v3, 2L * column, LE));
            a.intoMemorySegment(to, place, LE);
            b.intoMemorySegment(to, place + 4L * BYTES, LE);
            c.intoMemorySegment(to, place + 8L * BYTES, LE);
            d.intoMemorySegment(to, place + 12L * BYTES, LE);
        }
    }

    /** Byte offset of a vector of columns of key 0. */
    private static long place(int column) {
        return column / GROUP * GROUP_BYTES + 4L * (column % GROUP);
    }

    /** Takes the values of {@code keys} keys from the first columns of key panels [columns / COUNT, 4, COUNT]. */
    static void packFromKeys(MemorySegment panels, int columns, int keys, int width, MemorySegment values) {
        for (int k = 0; k < keys; k++) {
            long from = 16L * columns * (k >> 2) + (long) (k & 3) * BYTES;
            long to = 4L * BYTES * k;
            for (int column = 0; column < width; column += COUNT) {
                long place = to + column / GROUP * GROUP_BYTES + 4L * (column % GROUP);
                FloatVector.fromMemorySegment(F32, panels, from + 16L * column, LE)
                        .intoMemorySegment(values, place, LE);
            }
        }
    }

    /**
     * out[r] += sum over keys [from, to) of p[r, key] * value[key].
     *
     * @param height  1, 2 or 4 rows
     * @param p       [height, BLOCK] from byte pAt on
     * @param values  of a block of keys
     * @param out     row 0 of the tile
     */
    static void add(
            int height, MemorySegment p, long pAt, int from, int to, MemorySegment values, int width, Strided out) {
        MemorySegment data = out.data();
        long stride = out.stride();
        long valuesAt = 0;
        int column = 0;
        for (; column + GROUP <= width; column += GROUP) {
            long outAt = out.first() + 4L * column;
            switch (height) {
                case 4 -> rows4(p, pAt, from, to, values, valuesAt, data, outAt, stride);
                case 2 -> rows2(p, pAt, from, to, values, valuesAt, data, outAt, stride);
                case 1 -> rows1(p, pAt, from, to, values, valuesAt, data, outAt);
                default -> throw new IllegalArgumentException("no tile of height " + height);
            }
            valuesAt += GROUP_BYTES;
        }
        for (; column < width; column += COUNT) {
            int count = Math.min(COUNT, width - column);
            for (int r = 0; r < height; r++) {
                long outAt = out.at(r) + 4L * column;
                long at = valuesAt + 4L * (column % GROUP);
                single(p, pAt + (long) r * STRIDE, from, to, values, at, data, outAt, count);
            }
        }
    }

    /** Four vectors of columns of four rows. */
    private static void rows4(
            MemorySegment scores,
            long scoresAt,
            int from,
            int to,
            MemorySegment values,
            long valuesAt,
            MemorySegment out,
            long outAt,
            long outStride) {
        MemorySegment group = values.asSlice(valuesAt, GROUP_BYTES);
        MemorySegment s0 = scores.asSlice(scoresAt, STRIDE);
        MemorySegment out0 = out.asSlice(outAt, 4L * BYTES);
        FloatVector a0 = FloatVector.fromMemorySegment(F32, out0, 0, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F32, out0, BYTES, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F32, out0, 2L * BYTES, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F32, out0, 3L * BYTES, LE);
        MemorySegment s1 = scores.asSlice(scoresAt + STRIDE, STRIDE);
        MemorySegment out1 = out.asSlice(outAt + outStride, 4L * BYTES);
        FloatVector b0 = FloatVector.fromMemorySegment(F32, out1, 0, LE);
        FloatVector b1 = FloatVector.fromMemorySegment(F32, out1, BYTES, LE);
        FloatVector b2 = FloatVector.fromMemorySegment(F32, out1, 2L * BYTES, LE);
        FloatVector b3 = FloatVector.fromMemorySegment(F32, out1, 3L * BYTES, LE);
        MemorySegment s2 = scores.asSlice(scoresAt + 2L * STRIDE, STRIDE);
        MemorySegment out2 = out.asSlice(outAt + 2 * outStride, 4L * BYTES);
        FloatVector c0 = FloatVector.fromMemorySegment(F32, out2, 0, LE);
        FloatVector c1 = FloatVector.fromMemorySegment(F32, out2, BYTES, LE);
        FloatVector c2 = FloatVector.fromMemorySegment(F32, out2, 2L * BYTES, LE);
        FloatVector c3 = FloatVector.fromMemorySegment(F32, out2, 3L * BYTES, LE);
        MemorySegment s3 = scores.asSlice(scoresAt + 3L * STRIDE, STRIDE);
        MemorySegment out3 = out.asSlice(outAt + 3 * outStride, 4L * BYTES);
        FloatVector d0 = FloatVector.fromMemorySegment(F32, out3, 0, LE);
        FloatVector d1 = FloatVector.fromMemorySegment(F32, out3, BYTES, LE);
        FloatVector d2 = FloatVector.fromMemorySegment(F32, out3, 2L * BYTES, LE);
        FloatVector d3 = FloatVector.fromMemorySegment(F32, out3, 3L * BYTES, LE);
        for (int k = from; k < to; k++) {
            long key = 4L * BYTES * k;
            FloatVector p0 = FloatVector.broadcast(F32, s0.get(Tensor.F32, 4L * k));
            FloatVector p1 = FloatVector.broadcast(F32, s1.get(Tensor.F32, 4L * k));
            FloatVector p2 = FloatVector.broadcast(F32, s2.get(Tensor.F32, 4L * k));
            FloatVector p3 = FloatVector.broadcast(F32, s3.get(Tensor.F32, 4L * k));
            FloatVector v = FloatVector.fromMemorySegment(F32, group, key, LE);
            a0 = v.fma(p0, a0);
            b0 = v.fma(p1, b0);
            c0 = v.fma(p2, c0);
            d0 = v.fma(p3, d0);
            v = FloatVector.fromMemorySegment(F32, group, key + BYTES, LE);
            a1 = v.fma(p0, a1);
            b1 = v.fma(p1, b1);
            c1 = v.fma(p2, c1);
            d1 = v.fma(p3, d1);
            v = FloatVector.fromMemorySegment(F32, group, key + 2L * BYTES, LE);
            a2 = v.fma(p0, a2);
            b2 = v.fma(p1, b2);
            c2 = v.fma(p2, c2);
            d2 = v.fma(p3, d2);
            v = FloatVector.fromMemorySegment(F32, group, key + 3L * BYTES, LE);
            a3 = v.fma(p0, a3);
            b3 = v.fma(p1, b3);
            c3 = v.fma(p2, c3);
            d3 = v.fma(p3, d3);
        }
        a0.intoMemorySegment(out0, 0, LE);
        a1.intoMemorySegment(out0, BYTES, LE);
        a2.intoMemorySegment(out0, 2L * BYTES, LE);
        a3.intoMemorySegment(out0, 3L * BYTES, LE);
        b0.intoMemorySegment(out1, 0, LE);
        b1.intoMemorySegment(out1, BYTES, LE);
        b2.intoMemorySegment(out1, 2L * BYTES, LE);
        b3.intoMemorySegment(out1, 3L * BYTES, LE);
        c0.intoMemorySegment(out2, 0, LE);
        c1.intoMemorySegment(out2, BYTES, LE);
        c2.intoMemorySegment(out2, 2L * BYTES, LE);
        c3.intoMemorySegment(out2, 3L * BYTES, LE);
        d0.intoMemorySegment(out3, 0, LE);
        d1.intoMemorySegment(out3, BYTES, LE);
        d2.intoMemorySegment(out3, 2L * BYTES, LE);
        d3.intoMemorySegment(out3, 3L * BYTES, LE);
    }

    /** Four vectors of columns of two rows. */
    private static void rows2(
            MemorySegment scores,
            long scoresAt,
            int from,
            int to,
            MemorySegment values,
            long valuesAt,
            MemorySegment out,
            long outAt,
            long outStride) {
        MemorySegment group = values.asSlice(valuesAt, GROUP_BYTES);
        MemorySegment s0 = scores.asSlice(scoresAt, STRIDE);
        MemorySegment out0 = out.asSlice(outAt, 4L * BYTES);
        FloatVector a0 = FloatVector.fromMemorySegment(F32, out0, 0, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F32, out0, BYTES, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F32, out0, 2L * BYTES, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F32, out0, 3L * BYTES, LE);
        MemorySegment s1 = scores.asSlice(scoresAt + STRIDE, STRIDE);
        MemorySegment out1 = out.asSlice(outAt + outStride, 4L * BYTES);
        FloatVector b0 = FloatVector.fromMemorySegment(F32, out1, 0, LE);
        FloatVector b1 = FloatVector.fromMemorySegment(F32, out1, BYTES, LE);
        FloatVector b2 = FloatVector.fromMemorySegment(F32, out1, 2L * BYTES, LE);
        FloatVector b3 = FloatVector.fromMemorySegment(F32, out1, 3L * BYTES, LE);
        for (int k = from; k < to; k++) {
            long key = 4L * BYTES * k;
            FloatVector p0 = FloatVector.broadcast(F32, s0.get(Tensor.F32, 4L * k));
            FloatVector p1 = FloatVector.broadcast(F32, s1.get(Tensor.F32, 4L * k));
            FloatVector v = FloatVector.fromMemorySegment(F32, group, key, LE);
            a0 = v.fma(p0, a0);
            b0 = v.fma(p1, b0);
            v = FloatVector.fromMemorySegment(F32, group, key + BYTES, LE);
            a1 = v.fma(p0, a1);
            b1 = v.fma(p1, b1);
            v = FloatVector.fromMemorySegment(F32, group, key + 2L * BYTES, LE);
            a2 = v.fma(p0, a2);
            b2 = v.fma(p1, b2);
            v = FloatVector.fromMemorySegment(F32, group, key + 3L * BYTES, LE);
            a3 = v.fma(p0, a3);
            b3 = v.fma(p1, b3);
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
    private static void rows1(
            MemorySegment scores,
            long scoresAt,
            int from,
            int to,
            MemorySegment values,
            long valuesAt,
            MemorySegment out,
            long outAt) {
        MemorySegment group = values.asSlice(valuesAt, GROUP_BYTES);
        MemorySegment s0 = scores.asSlice(scoresAt, STRIDE);
        MemorySegment out0 = out.asSlice(outAt, 4L * BYTES);
        FloatVector a0 = FloatVector.fromMemorySegment(F32, out0, 0, LE);
        FloatVector a1 = FloatVector.fromMemorySegment(F32, out0, BYTES, LE);
        FloatVector a2 = FloatVector.fromMemorySegment(F32, out0, 2L * BYTES, LE);
        FloatVector a3 = FloatVector.fromMemorySegment(F32, out0, 3L * BYTES, LE);
        for (int k = from; k < to; k++) {
            long key = 4L * BYTES * k;
            FloatVector p0 = FloatVector.broadcast(F32, s0.get(Tensor.F32, 4L * k));
            FloatVector v = FloatVector.fromMemorySegment(F32, group, key, LE);
            a0 = v.fma(p0, a0);
            v = FloatVector.fromMemorySegment(F32, group, key + BYTES, LE);
            a1 = v.fma(p0, a1);
            v = FloatVector.fromMemorySegment(F32, group, key + 2L * BYTES, LE);
            a2 = v.fma(p0, a2);
            v = FloatVector.fromMemorySegment(F32, group, key + 3L * BYTES, LE);
            a3 = v.fma(p0, a3);
        }
        a0.intoMemorySegment(out0, 0, LE);
        a1.intoMemorySegment(out0, BYTES, LE);
        a2.intoMemorySegment(out0, 2L * BYTES, LE);
        a3.intoMemorySegment(out0, 3L * BYTES, LE);
    }

    /** What is left of the columns: up to one vector of one row. */
    private static void single(
            MemorySegment scores,
            long scoresAt,
            int from,
            int to,
            MemorySegment values,
            long valuesAt,
            MemorySegment outs,
            long outAt,
            int count) {
        MemorySegment out = outs.asSlice(outAt, 4L * count);
        VectorMask<Float> mask = F32.indexInRange(0, count);
        FloatVector a = FloatVector.fromMemorySegment(F32, out, 0, LE, mask);
        for (int k = from; k < to; k++) {
            FloatVector p = FloatVector.broadcast(F32, scores.get(Tensor.F32, scoresAt + 4L * k));
            a = FloatVector.fromMemorySegment(F32, values, valuesAt + 4L * BYTES * k, LE)
                    .fma(p, a);
        }
        a.intoMemorySegment(out, 0, LE, mask);
    }
}
