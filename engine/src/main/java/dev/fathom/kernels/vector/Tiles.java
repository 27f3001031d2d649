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
 * tile's height.
 *
 * <p>The heights are written out: with the loop over rows left to the compiler the accumulators go through memory. All
 * kernels keep to some fifty vector operations a method and call no helpers of their own: past a limit the JIT stops
 * inlining, vectors become objects, and the method is ten times slower.
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
     * acc = products, lane by lane. Segments come with byte offsets, not as slices: a slice made by the caller is an
     * object, one made inside a kernel is not.
     *
     * @param height   1, 2 or 4
     * @param x        panel [columns / COUNT, height, COUNT] from byte xAt on
     * @param w        panel [columns / COUNT, 4, COUNT] from byte wAt on
     * @param columns  a multiple of COUNT
     * @param acc      [height, 4, COUNT] from byte accAt on, overwritten
     */
    static void multiply(
            int height,
            MemorySegment x,
            long xAt,
            MemorySegment w,
            long wAt,
            int columns,
            MemorySegment acc,
            long accAt) {
        switch (height) {
            case 4 -> tile4(x, xAt, w, wAt, columns, acc, accAt);
            case 2 -> tile2(x, xAt, w, wAt, columns, acc, accAt);
            case 1 -> tile1(x, xAt, w, wAt, columns, acc, accAt);
            default -> throw new IllegalArgumentException("no tile of height " + height);
        }
    }

    // The loops count bytes of w: other forms of the same indices cost up to a fifth of the speed.

    /** Four rows of x. */
    private static void tile4(
            MemorySegment xs, long xAt, MemorySegment ws, long wAt, int columns, MemorySegment accs, long accAt) {
        MemorySegment x = xs.asSlice(xAt, 16L * columns);
        MemorySegment w = ws.asSlice(wAt, 16L * columns);
        FloatVector a00 = FloatVector.zero(F32);
        FloatVector a01 = a00;
        FloatVector a02 = a00;
        FloatVector a03 = a00;
        FloatVector a10 = a00;
        FloatVector a11 = a00;
        FloatVector a12 = a00;
        FloatVector a13 = a00;
        FloatVector a20 = a00;
        FloatVector a21 = a00;
        FloatVector a22 = a00;
        FloatVector a23 = a00;
        FloatVector a30 = a00;
        FloatVector a31 = a00;
        FloatVector a32 = a00;
        FloatVector a33 = a00;
        for (int i = 0; i < 16 * columns; i += 4 * BYTES) {
            long k = i;
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
        MemorySegment acc = accs.asSlice(accAt, 16L * BYTES);
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
    private static void tile2(
            MemorySegment xs, long xAt, MemorySegment ws, long wAt, int columns, MemorySegment accs, long accAt) {
        MemorySegment x = xs.asSlice(xAt, 8L * columns);
        MemorySegment w = ws.asSlice(wAt, 16L * columns);
        FloatVector a00 = FloatVector.zero(F32);
        FloatVector a01 = a00;
        FloatVector a02 = a00;
        FloatVector a03 = a00;
        FloatVector a10 = a00;
        FloatVector a11 = a00;
        FloatVector a12 = a00;
        FloatVector a13 = a00;
        for (int i = 0; i < 16 * columns; i += 4 * BYTES) {
            long k = i;
            FloatVector w0 = FloatVector.fromMemorySegment(F32, w, k, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F32, w, k + BYTES, LE);
            FloatVector w2 = FloatVector.fromMemorySegment(F32, w, k + 2L * BYTES, LE);
            FloatVector w3 = FloatVector.fromMemorySegment(F32, w, k + 3L * BYTES, LE);
            FloatVector v = FloatVector.fromMemorySegment(F32, x, k >> 1, LE);
            a00 = v.fma(w0, a00);
            a01 = v.fma(w1, a01);
            a02 = v.fma(w2, a02);
            a03 = v.fma(w3, a03);
            v = FloatVector.fromMemorySegment(F32, x, (k >> 1) + BYTES, LE);
            a10 = v.fma(w0, a10);
            a11 = v.fma(w1, a11);
            a12 = v.fma(w2, a12);
            a13 = v.fma(w3, a13);
        }
        MemorySegment acc = accs.asSlice(accAt, 8L * BYTES);
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
    private static void tile1(
            MemorySegment xs, long xAt, MemorySegment ws, long wAt, int columns, MemorySegment accs, long accAt) {
        MemorySegment x = xs.asSlice(xAt, 4L * columns);
        MemorySegment w = ws.asSlice(wAt, 16L * columns);
        FloatVector a00 = FloatVector.zero(F32);
        FloatVector a01 = a00;
        FloatVector a02 = a00;
        FloatVector a03 = a00;
        for (int i = 0; i < 16 * columns; i += 4 * BYTES) {
            long k = i;
            FloatVector w0 = FloatVector.fromMemorySegment(F32, w, k, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(F32, w, k + BYTES, LE);
            FloatVector w2 = FloatVector.fromMemorySegment(F32, w, k + 2L * BYTES, LE);
            FloatVector w3 = FloatVector.fromMemorySegment(F32, w, k + 3L * BYTES, LE);
            FloatVector v = FloatVector.fromMemorySegment(F32, x, k >> 2, LE);
            a00 = v.fma(w0, a00);
            a01 = v.fma(w1, a01);
            a02 = v.fma(w2, a02);
            a03 = v.fma(w3, a03);
        }
        MemorySegment acc = accs.asSlice(accAt, 4L * BYTES);
        a00.intoMemorySegment(acc, 0, LE);
        a01.intoMemorySegment(acc, BYTES, LE);
        a02.intoMemorySegment(acc, 2L * BYTES, LE);
        a03.intoMemorySegment(acc, 3L * BYTES, LE);
    }

    /** acc += more, for the accumulators of a tile. */
    static void add(int height, MemorySegment acc, long accAt, MemorySegment more) {
        for (int i = 0; i < height * ROW_BYTES; i += BYTES) {
            FloatVector.fromMemorySegment(F32, acc, accAt + i, LE)
                    .add(FloatVector.fromMemorySegment(F32, more, i, LE))
                    .intoMemorySegment(acc, accAt + i, LE);
        }
    }

    /**
     * Adds up the lanes of a tile's accumulators, which are void then: y[r, o] for r in [0, height), o in [0, outputs).
     *
     * @param outputs  1 to 4; accumulators past it are ignored
     * @param yAt      byte offset of y[0, 0]
     * @param yStride  bytes from a row of y to the next
     * @param buffer   at least 16 numbers
     */
    static void store(
            int height,
            int outputs,
            MemorySegment acc,
            long accAt,
            float[] buffer,
            MemorySegment y,
            long yAt,
            long yStride) {
        if (COUNT == 16 && height == 4) {
            sumSixteen(acc, accAt, buffer);
        } else {
            for (int r = 0; r < height; r++) {
                sumFour(acc, accAt + (long) r * ROW_BYTES, buffer, 4 * r);
            }
        }
        for (int r = 0; r < height; r++) {
            for (int o = 0; o < outputs; o++) {
                y.set(Tensor.F32, yAt + r * yStride + 4L * o, buffer[4 * r + o]);
            }
        }
    }

    /** The sums of four vectors: of each, lane by lane, what is 8, 4, 2 and 1 lanes away is added, as {@link Lanes#sum}. */
    private static void sumFour(MemorySegment acc, long at, float[] buffer, int to) {
        FloatVector a = FloatVector.fromMemorySegment(F32, acc, at, LE);
        FloatVector b = FloatVector.fromMemorySegment(F32, acc, at + BYTES, LE);
        FloatVector c = FloatVector.fromMemorySegment(F32, acc, at + 2L * BYTES, LE);
        FloatVector d = FloatVector.fromMemorySegment(F32, acc, at + 3L * BYTES, LE);
        if (COUNT >= 16) {
            a = a.add(a.rearrange(Lanes.SWAP_8));
            b = b.add(b.rearrange(Lanes.SWAP_8));
            c = c.add(c.rearrange(Lanes.SWAP_8));
            d = d.add(d.rearrange(Lanes.SWAP_8));
        }
        if (COUNT >= 8) {
            a = a.add(a.rearrange(Lanes.SWAP_4));
            b = b.add(b.rearrange(Lanes.SWAP_4));
            c = c.add(c.rearrange(Lanes.SWAP_4));
            d = d.add(d.rearrange(Lanes.SWAP_4));
        }
        // Two vectors at once: where bit 2 of the lane number is clear the result belongs to a (b), else to c (d).
        FloatVector even = a.blend(c, Lanes.BIT_2).add(c.blend(a, Lanes.BIT_2).rearrange(Lanes.SWAP_2));
        FloatVector odd = b.blend(d, Lanes.BIT_2).add(d.blend(b, Lanes.BIT_2).rearrange(Lanes.SWAP_2));
        FloatVector all =
                even.blend(odd, Lanes.BIT_1).add(odd.blend(even, Lanes.BIT_1).rearrange(Lanes.SWAP_1));
        buffer[to] = all.lane(0);
        buffer[to + 1] = all.lane(1);
        buffer[to + 2] = all.lane(2);
        buffer[to + 3] = all.lane(3);
    }

    /**
     * Sixteen sums of sixteen lanes at once, by the same additions: lane 4 r + o of the last vector is the sum of
     * accumulator [r, o]. Overwrites the accumulators.
     */
    private static void sumSixteen(MemorySegment acc, long accAt, float[] buffer) {
        // In two steps and without helpers: the JIT inlines only so much of the Vector API into one method.
        for (int o = 0; o < 4; o++) {
            long at = accAt + (long) o * BYTES;
            FloatVector a = FloatVector.fromMemorySegment(F32, acc, at, LE);
            FloatVector b = FloatVector.fromMemorySegment(F32, acc, at + 4L * BYTES, LE);
            FloatVector c = FloatVector.fromMemorySegment(F32, acc, at + 8L * BYTES, LE);
            FloatVector d = FloatVector.fromMemorySegment(F32, acc, at + 12L * BYTES, LE);
            FloatVector even =
                    a.blend(c, Lanes.BIT_8).add(c.blend(a, Lanes.BIT_8).rearrange(Lanes.SWAP_8));
            FloatVector odd =
                    b.blend(d, Lanes.BIT_8).add(d.blend(b, Lanes.BIT_8).rearrange(Lanes.SWAP_8));
            even.blend(odd, Lanes.BIT_4)
                    .add(odd.blend(even, Lanes.BIT_4).rearrange(Lanes.SWAP_4))
                    .intoMemorySegment(acc, at, LE);
        }
        FloatVector a = FloatVector.fromMemorySegment(F32, acc, accAt, LE);
        FloatVector b = FloatVector.fromMemorySegment(F32, acc, accAt + BYTES, LE);
        FloatVector c = FloatVector.fromMemorySegment(F32, acc, accAt + 2L * BYTES, LE);
        FloatVector d = FloatVector.fromMemorySegment(F32, acc, accAt + 3L * BYTES, LE);
        FloatVector even = a.blend(c, Lanes.BIT_2).add(c.blend(a, Lanes.BIT_2).rearrange(Lanes.SWAP_2));
        FloatVector odd = b.blend(d, Lanes.BIT_2).add(d.blend(b, Lanes.BIT_2).rearrange(Lanes.SWAP_2));
        even.blend(odd, Lanes.BIT_1)
                .add(odd.blend(even, Lanes.BIT_1).rearrange(Lanes.SWAP_1))
                .intoArray(buffer, 0);
    }
}
