package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Operations on rows without a weight matrix. Segments are slices of exactly the numbers meant. */
final class VectorRows {
    private VectorRows() {}

    /** 1 / sqrt(mean of squares + epsilon). */
    static float inverseRms(MemorySegment x, int width, float epsilon) {
        FloatVector even = FloatVector.zero(F32);
        FloatVector odd = even;
        int i = 0;
        for (int pairs = width & -2 * COUNT; i < pairs; i += 2 * COUNT) {
            FloatVector a = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
            FloatVector b = FloatVector.fromMemorySegment(F32, x, 4L * i + BYTES, LE);
            even = a.fma(a, even);
            odd = b.fma(b, odd);
        }
        for (; i < width; i += COUNT) {
            FloatVector a = FloatVector.fromMemorySegment(F32, x, 4L * i, LE, F32.indexInRange(i, width));
            even = a.fma(a, even);
        }
        return (float) (1 / Math.sqrt((double) Lanes.sum(even.add(odd)) / width + epsilon));
    }

    static void normalize(MemorySegment x, MemorySegment weight, int width, float epsilon, MemorySegment out) {
        float factor = inverseRms(x, width, epsilon);
        int whole = width & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
            v.mul(factor)
                    .mul(FloatVector.fromMemorySegment(F32, weight, 4L * i, LE))
                    .intoMemorySegment(out, 4L * i, LE);
        }
        if (whole < width) {
            VectorMask<Float> tail = F32.indexInRange(whole, width);
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * whole, LE, tail);
            v.mul(factor)
                    .mul(FloatVector.fromMemorySegment(F32, weight, 4L * whole, LE, tail))
                    .intoMemorySegment(out, 4L * whole, LE, tail);
        }
    }

    /** x += delta. */
    static void add(MemorySegment x, MemorySegment delta, int width) {
        int whole = width & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector.fromMemorySegment(F32, x, 4L * i, LE)
                    .add(FloatVector.fromMemorySegment(F32, delta, 4L * i, LE))
                    .intoMemorySegment(x, 4L * i, LE);
        }
        if (whole < width) {
            VectorMask<Float> tail = F32.indexInRange(whole, width);
            FloatVector.fromMemorySegment(F32, x, 4L * whole, LE, tail)
                    .add(FloatVector.fromMemorySegment(F32, delta, 4L * whole, LE, tail))
                    .intoMemorySegment(x, 4L * whole, LE, tail);
        }
    }

    static void siluMul(MemorySegment gate, MemorySegment up, int width, MemorySegment out) {
        // Masked throughout: the exponential written twice, with and without, would be too much for one method.
        for (int i = 0; i < width; i += COUNT) {
            VectorMask<Float> mask = F32.indexInRange(i, width);
            silu(FloatVector.fromMemorySegment(F32, gate, 4L * i, LE, mask))
                    .mul(FloatVector.fromMemorySegment(F32, up, 4L * i, LE, mask))
                    .intoMemorySegment(out, 4L * i, LE, mask);
        }
    }

    /** v / (1 + exp(-v)), by the exponential of -|v|, which cannot overflow. */
    static FloatVector silu(FloatVector v) {
        FloatVector e = Lanes.exp(v.abs().neg());
        FloatVector top = e.blend(1f, v.compare(VectorOperators.GE, 0f));
        return v.mul(top).div(e.add(1f));
    }

    /**
     * Rotates all heads of a row.
     *
     * @param cos  [width / 2]
     * @param sin  [width / 2]
     */
    static void rope(HeadView x, int row, MemorySegment cos, MemorySegment sin, HeadView out, Workspace workspace) {
        int width = x.width();
        MemorySegment spread = workspace.plain.atLeast(8L * width);
        MemorySegment cosines = spread.asSlice(0, 4L * width);
        MemorySegment sines = spread.asSlice(4L * width, 4L * width);
        spread(cos, sin, width, cosines, sines);
        Tensor from = x.tensor();
        Tensor to = out.tensor();
        for (int head = 0; head < x.heads(); head++) {
            long at = from.offset(row, x.column(head));
            rotate(from.data(), at, cosines, sines, width, to.data(), to.offset(row, out.column(head)));
        }
    }

    /**
     * Rotates all heads of a row by halves.
     *
     * @param cos  [width / 2]
     * @param sin  [width / 2]
     */
    static void ropeHalves(HeadView x, int row, MemorySegment cos, MemorySegment sin, HeadView out) {
        int half = x.width() / 2;
        Tensor from = x.tensor();
        Tensor to = out.tensor();
        for (int head = 0; head < x.heads(); head++) {
            long at = from.offset(row, x.column(head));
            rotateHalves(from.data(), at, cos, sin, half, to.data(), to.offset(row, out.column(head)));
        }
    }

    /** Pairs (i, i + half); out may be x. */
    private static void rotateHalves(
            MemorySegment xs,
            long xAt,
            MemorySegment cos,
            MemorySegment sin,
            int half,
            MemorySegment outs,
            long outAt) {
        MemorySegment first = xs.asSlice(xAt, 4L * half);
        MemorySegment second = xs.asSlice(xAt + 4L * half, 4L * half);
        MemorySegment outFirst = outs.asSlice(outAt, 4L * half);
        MemorySegment outSecond = outs.asSlice(outAt + 4L * half, 4L * half);
        // Masked throughout: a head has four vectors a half at most.
        for (int i = 0; i < half; i += COUNT) {
            VectorMask<Float> mask = F32.indexInRange(i, half);
            FloatVector a = FloatVector.fromMemorySegment(F32, first, 4L * i, LE, mask);
            FloatVector b = FloatVector.fromMemorySegment(F32, second, 4L * i, LE, mask);
            FloatVector c = FloatVector.fromMemorySegment(F32, cos, 4L * i, LE, mask);
            FloatVector s = FloatVector.fromMemorySegment(F32, sin, 4L * i, LE, mask);
            a.fma(c, b.mul(s).neg()).intoMemorySegment(outFirst, 4L * i, LE, mask);
            b.fma(c, a.mul(s)).intoMemorySegment(outSecond, 4L * i, LE, mask);
        }
    }

    /** Each cosine twice, each sine negated and then as it is: what a pair's two numbers are multiplied by. */
    static void spread(MemorySegment cos, MemorySegment sin, int width, MemorySegment cosines, MemorySegment sines) {
        for (int i = 0; i < width; i += 2) {
            float c = cos.get(Tensor.F32, 2L * i);
            float s = sin.get(Tensor.F32, 2L * i);
            cosines.set(Tensor.F32, 4L * i, c);
            cosines.set(Tensor.F32, 4L * i + 4, c);
            sines.set(Tensor.F32, 4L * i, -s);
            sines.set(Tensor.F32, 4L * i + 4, s);
        }
    }

    /** out = x * cosines + (x with pairs swapped) * sines; out may be x. */
    static void rotate(
            MemorySegment xs,
            long xAt,
            MemorySegment cosines,
            MemorySegment sines,
            int width,
            MemorySegment outs,
            long outAt) {
        MemorySegment x = xs.asSlice(xAt, 4L * width);
        MemorySegment out = outs.asSlice(outAt, 4L * width);
        int whole = width & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * i, LE);
            FloatVector crossed = v.rearrange(Lanes.SWAP_1).mul(FloatVector.fromMemorySegment(F32, sines, 4L * i, LE));
            v.fma(FloatVector.fromMemorySegment(F32, cosines, 4L * i, LE), crossed)
                    .intoMemorySegment(out, 4L * i, LE);
        }
        if (whole < width) {
            rotateTail(x, cosines, sines, whole, width, out);
        }
    }

    private static void rotateTail(
            MemorySegment x, MemorySegment cosines, MemorySegment sines, int from, int width, MemorySegment out) {
        for (int i = from; i < width; i += 2) {
            float a = x.get(Tensor.F32, 4L * i);
            float b = x.get(Tensor.F32, 4L * i + 4);
            float first = b * sines.get(Tensor.F32, 4L * i);
            float second = a * sines.get(Tensor.F32, 4L * i + 4);
            out.set(Tensor.F32, 4L * i, Math.fma(a, cosines.get(Tensor.F32, 4L * i), first));
            out.set(Tensor.F32, 4L * i + 4, Math.fma(b, cosines.get(Tensor.F32, 4L * i + 4), second));
        }
    }
}
