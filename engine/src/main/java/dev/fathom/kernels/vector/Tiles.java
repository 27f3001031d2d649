package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Products of a few rows of x with four rows of weights (or of queries with four keys), both packed in panels: for each
 * vector of columns, the vectors of row 0, row 1 ... follow each other, so that a tile reads two streams from front to
 * back. Each (row, output) pair has one accumulator vector, which takes the columns in order: the same sum whatever the
 * tile's height, and whether the columns come in one piece or several.
 *
 * <p>The heights are written out: with the loop over rows left to the compiler the accumulators go through memory.
 */
final class Tiles {
    /** Rows of x in the tallest tile: as many as leave all accumulators in registers (32 with AVX-512, 16 with AVX2). */
    static final int HEIGHT = COUNT == 16 ? 4 : 2;

    /** Accumulator bytes of one row of x: four vectors. */
    static final int ROW_BYTES = 4 * BYTES;

    private Tiles() {}

    /** The height of the tile that starts with {@code left} rows to go: 4, 2 or 1. */
    static int height(int left) {
        return left >= HEIGHT ? HEIGHT : left >= 2 ? 2 : 1;
    }

    /**
     * acc = from + products, lane by lane.
     *
     * @param height   1, 2 or 4
     * @param x        panel [columns / COUNT, height, COUNT]
     * @param w        panel [columns / COUNT, 4, COUNT]
     * @param columns  a multiple of COUNT
     * @param from     accumulators [height, 4, COUNT] to start from
     * @param acc      accumulators to write, may be {@code from}
     */
    static void multiply(
            int height, MemorySegment x, MemorySegment w, int columns, MemorySegment from, MemorySegment acc) {
        switch (height) {
            case 4 -> tile4(x, w, columns, from, acc);
            case 2 -> tile2(x, w, columns, from, acc);
            case 1 -> tile1(x, w, columns, from, acc);
            default -> throw new IllegalArgumentException("no tile of height " + height);
        }
    }

    /** Four rows of x. */
    private static void tile4(MemorySegment x, MemorySegment w, int columns, MemorySegment from, MemorySegment acc) {
        FloatVector a00 = FloatVector.fromMemorySegment(F32, from, 0, LE);
        FloatVector a01 = FloatVector.fromMemorySegment(F32, from, BYTES, LE);
        FloatVector a02 = FloatVector.fromMemorySegment(F32, from, 2L * BYTES, LE);
        FloatVector a03 = FloatVector.fromMemorySegment(F32, from, 3L * BYTES, LE);
        FloatVector a10 = FloatVector.fromMemorySegment(F32, from, 4L * BYTES, LE);
        FloatVector a11 = FloatVector.fromMemorySegment(F32, from, 5L * BYTES, LE);
        FloatVector a12 = FloatVector.fromMemorySegment(F32, from, 6L * BYTES, LE);
        FloatVector a13 = FloatVector.fromMemorySegment(F32, from, 7L * BYTES, LE);
        FloatVector a20 = FloatVector.fromMemorySegment(F32, from, 8L * BYTES, LE);
        FloatVector a21 = FloatVector.fromMemorySegment(F32, from, 9L * BYTES, LE);
        FloatVector a22 = FloatVector.fromMemorySegment(F32, from, 10L * BYTES, LE);
        FloatVector a23 = FloatVector.fromMemorySegment(F32, from, 11L * BYTES, LE);
        FloatVector a30 = FloatVector.fromMemorySegment(F32, from, 12L * BYTES, LE);
        FloatVector a31 = FloatVector.fromMemorySegment(F32, from, 13L * BYTES, LE);
        FloatVector a32 = FloatVector.fromMemorySegment(F32, from, 14L * BYTES, LE);
        FloatVector a33 = FloatVector.fromMemorySegment(F32, from, 15L * BYTES, LE);
        for (int i = 0; i < columns; i += COUNT) {
            long k = 16L * i;
            FloatVector w0 = FloatVector.fromMemorySegment(F32, w, k, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F32, w, k + BYTES, LE);
            FloatVector w2 = FloatVector.fromMemorySegment(F32, w, k + 2L * BYTES, LE);
            FloatVector w3 = FloatVector.fromMemorySegment(F32, w, k + 3L * BYTES, LE);
            FloatVector v = FloatVector.fromMemorySegment(F32, x, k, LE);
            a00 = v.fma(w0, a00);
            a01 = v.fma(w1, a01);
            a02 = v.fma(w2, a02);
            a03 = v.fma(w3, a03);
            v = FloatVector.fromMemorySegment(F32, x, k + BYTES, LE);
            a10 = v.fma(w0, a10);
            a11 = v.fma(w1, a11);
            a12 = v.fma(w2, a12);
            a13 = v.fma(w3, a13);
            v = FloatVector.fromMemorySegment(F32, x, k + 2L * BYTES, LE);
            a20 = v.fma(w0, a20);
            a21 = v.fma(w1, a21);
            a22 = v.fma(w2, a22);
            a23 = v.fma(w3, a23);
            v = FloatVector.fromMemorySegment(F32, x, k + 3L * BYTES, LE);
            a30 = v.fma(w0, a30);
            a31 = v.fma(w1, a31);
            a32 = v.fma(w2, a32);
            a33 = v.fma(w3, a33);
        }
        a00.intoMemorySegment(acc, 0, LE);
        a01.intoMemorySegment(acc, BYTES, LE);
        a02.intoMemorySegment(acc, 2L * BYTES, LE);
        a03.intoMemorySegment(acc, 3L * BYTES, LE);
        a10.intoMemorySegment(acc, 4L * BYTES, LE);
        a11.intoMemorySegment(acc, 5L * BYTES, LE);
        a12.intoMemorySegment(acc, 6L * BYTES, LE);
        a13.intoMemorySegment(acc, 7L * BYTES, LE);
        a20.intoMemorySegment(acc, 8L * BYTES, LE);
        a21.intoMemorySegment(acc, 9L * BYTES, LE);
        a22.intoMemorySegment(acc, 10L * BYTES, LE);
        a23.intoMemorySegment(acc, 11L * BYTES, LE);
        a30.intoMemorySegment(acc, 12L * BYTES, LE);
        a31.intoMemorySegment(acc, 13L * BYTES, LE);
        a32.intoMemorySegment(acc, 14L * BYTES, LE);
        a33.intoMemorySegment(acc, 15L * BYTES, LE);
    }

    /** Two rows of x. */
    private static void tile2(MemorySegment x, MemorySegment w, int columns, MemorySegment from, MemorySegment acc) {
        FloatVector a00 = FloatVector.fromMemorySegment(F32, from, 0, LE);
        FloatVector a01 = FloatVector.fromMemorySegment(F32, from, BYTES, LE);
        FloatVector a02 = FloatVector.fromMemorySegment(F32, from, 2L * BYTES, LE);
        FloatVector a03 = FloatVector.fromMemorySegment(F32, from, 3L * BYTES, LE);
        FloatVector a10 = FloatVector.fromMemorySegment(F32, from, 4L * BYTES, LE);
        FloatVector a11 = FloatVector.fromMemorySegment(F32, from, 5L * BYTES, LE);
        FloatVector a12 = FloatVector.fromMemorySegment(F32, from, 6L * BYTES, LE);
        FloatVector a13 = FloatVector.fromMemorySegment(F32, from, 7L * BYTES, LE);
        for (int i = 0; i < columns; i += COUNT) {
            long k = 16L * i;
            FloatVector w0 = FloatVector.fromMemorySegment(F32, w, k, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F32, w, k + BYTES, LE);
            FloatVector w2 = FloatVector.fromMemorySegment(F32, w, k + 2L * BYTES, LE);
            FloatVector w3 = FloatVector.fromMemorySegment(F32, w, k + 3L * BYTES, LE);
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 8L * i, LE);
            a00 = v.fma(w0, a00);
            a01 = v.fma(w1, a01);
            a02 = v.fma(w2, a02);
            a03 = v.fma(w3, a03);
            v = FloatVector.fromMemorySegment(F32, x, 8L * i + BYTES, LE);
            a10 = v.fma(w0, a10);
            a11 = v.fma(w1, a11);
            a12 = v.fma(w2, a12);
            a13 = v.fma(w3, a13);
        }
        a00.intoMemorySegment(acc, 0, LE);
        a01.intoMemorySegment(acc, BYTES, LE);
        a02.intoMemorySegment(acc, 2L * BYTES, LE);
        a03.intoMemorySegment(acc, 3L * BYTES, LE);
        a10.intoMemorySegment(acc, 4L * BYTES, LE);
        a11.intoMemorySegment(acc, 5L * BYTES, LE);
        a12.intoMemorySegment(acc, 6L * BYTES, LE);
        a13.intoMemorySegment(acc, 7L * BYTES, LE);
    }

    /** One row of x. */
    private static void tile1(MemorySegment x, MemorySegment w, int columns, MemorySegment from, MemorySegment acc) {
        FloatVector a00 = FloatVector.fromMemorySegment(F32, from, 0, LE);
        FloatVector a01 = FloatVector.fromMemorySegment(F32, from, BYTES, LE);
        FloatVector a02 = FloatVector.fromMemorySegment(F32, from, 2L * BYTES, LE);
        FloatVector a03 = FloatVector.fromMemorySegment(F32, from, 3L * BYTES, LE);
        for (int i = 0; i < columns; i += COUNT) {
            long k = 16L * i;
            FloatVector w0 = FloatVector.fromMemorySegment(F32, w, k, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F32, w, k + BYTES, LE);
            FloatVector w2 = FloatVector.fromMemorySegment(F32, w, k + 2L * BYTES, LE);
            FloatVector w3 = FloatVector.fromMemorySegment(F32, w, k + 3L * BYTES, LE);
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
            a00 = v.fma(w0, a00);
            a01 = v.fma(w1, a01);
            a02 = v.fma(w2, a02);
            a03 = v.fma(w3, a03);
        }
        a00.intoMemorySegment(acc, 0, LE);
        a01.intoMemorySegment(acc, BYTES, LE);
        a02.intoMemorySegment(acc, 2L * BYTES, LE);
        a03.intoMemorySegment(acc, 3L * BYTES, LE);
    }

    /**
     * Adds up the lanes of a tile's accumulators: y[r, o] for r in [0, height), o in [0, outputs).
     *
     * @param outputs  1 to 4; accumulators past it are ignored
     * @param yAt      byte offset of y[0, 0]
     * @param yStride  bytes from a row of y to the next
     * @param buffer   at least 16 numbers
     */
    static void store(
            int height, int outputs, MemorySegment acc, float[] buffer, MemorySegment y, long yAt, long yStride) {
        if (COUNT == 16 && height == 4) {
            sumSixteen(acc, buffer);
        } else {
            for (int r = 0; r < height; r++) {
                sumFour(acc.asSlice((long) r * ROW_BYTES, ROW_BYTES), buffer, 4 * r);
            }
        }
        for (int r = 0; r < height; r++) {
            for (int o = 0; o < outputs; o++) {
                y.set(Tensor.F32, yAt + r * yStride + 4L * o, buffer[4 * r + o]);
            }
        }
    }

    private static FloatVector load(MemorySegment acc, int vector) {
        return FloatVector.fromMemorySegment(F32, acc, (long) vector * BYTES, LE);
    }

    private static void sumFour(MemorySegment acc, float[] buffer, int at) {
        FloatVector sums = Lanes.sums(load(acc, 0), load(acc, 1), load(acc, 2), load(acc, 3));
        buffer[at] = sums.lane(0);
        buffer[at + 1] = sums.lane(1);
        buffer[at + 2] = sums.lane(2);
        buffer[at + 3] = sums.lane(3);
    }

    /** Sixteen sums of sixteen lanes at once: lane 4 r + o of the last vector is the sum of accumulator [r, o]. */
    private static void sumSixteen(MemorySegment acc, float[] buffer) {
        FloatVector even0 = Lanes.fold8(load(acc, 0), load(acc, 8));
        FloatVector even1 = Lanes.fold8(load(acc, 1), load(acc, 9));
        FloatVector even2 = Lanes.fold8(load(acc, 2), load(acc, 10));
        FloatVector even3 = Lanes.fold8(load(acc, 3), load(acc, 11));
        FloatVector odd0 = Lanes.fold8(load(acc, 4), load(acc, 12));
        FloatVector odd1 = Lanes.fold8(load(acc, 5), load(acc, 13));
        FloatVector odd2 = Lanes.fold8(load(acc, 6), load(acc, 14));
        FloatVector odd3 = Lanes.fold8(load(acc, 7), load(acc, 15));
        FloatVector all0 = Lanes.fold4(even0, odd0);
        FloatVector all1 = Lanes.fold4(even1, odd1);
        FloatVector all2 = Lanes.fold4(even2, odd2);
        FloatVector all3 = Lanes.fold4(even3, odd3);
        Lanes.fold1(Lanes.fold2(all0, all2), Lanes.fold2(all1, all3)).intoArray(buffer, 0);
    }
}
