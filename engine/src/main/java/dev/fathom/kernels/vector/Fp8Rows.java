package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.kernels.Fp8Row;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Rows of a cache in FP8, as {@link Fp8Row} defines them. */
final class Fp8Rows {
    private Fp8Rows() {}

    /**
     * Rounds a row.
     *
     * @param from  the row in float32
     * @param to    its bytes in the cache
     */
    static void write(Fp8Row row, MemorySegment from, MemorySegment to) {
        int latent = row.shape().latentWidth();
        for (int column = 0; column < latent; column += Fp8Row.GROUP) {
            int end = Math.min(latent, column + Fp8Row.GROUP);
            float scale = Fp8Row.scale(largest(from, column, end));
            to.set(Tensor.F32, row.scaleAt(column), scale);
            encode(from, column, end, Fp8Row.divisor(scale), to);
        }
        int rope = row.shape().ropeWidth();
        VectorCache.toBf16(from.asSlice(4L * latent), rope, to.asSlice(row.ropeAt()));
    }

    /** The largest absolute value of columns [from, to); NaN if there is one. */
    private static float largest(MemorySegment row, int from, int to) {
        FloatVector most = FloatVector.zero(F32);
        int i = from;
        for (; i + COUNT <= to; i += COUNT) {
            most = most.max(FloatVector.fromMemorySegment(F32, row, 4L * i, LE).abs());
        }
        float largest = most.reduceLanes(VectorOperators.MAX);
        for (; i < to; i++) {
            largest = Math.max(largest, Math.abs(row.get(Tensor.F32, 4L * i)));
        }
        return largest;
    }

    private static void encode(MemorySegment row, int from, int to, float divisor, MemorySegment codes) {
        int i = from;
        for (; COUNT > 4 && i + COUNT <= to; i += COUNT) {
            FloatVector v = FloatVector.fromMemorySegment(F32, row, 4L * i, LE).div(divisor);
            ByteVector low = (ByteVector) E4m3.codes(v).convertShape(VectorOperators.I2B, E4m3.I8, 0);
            low.intoMemorySegment(codes, i, LE);
        }
        for (; i < to; i++) {
            codes.set(ValueLayout.JAVA_BYTE, i, Codecs.floatToE4m3(row.get(Tensor.F32, 4L * i) / divisor));
        }
    }

    /**
     * Columns [column, column + width) as float32.
     *
     * @param at  byte offset of the row in the layer's memory
     */
    static void decode(Fp8Row row, MemorySegment data, long at, int column, int width, MemorySegment to) {
        MemorySegment bytes = data.asSlice(at, row.bytes());
        int latent = Math.min(row.shape().latentWidth(), column + width);
        int end;
        for (int from = column; from < latent; from = end) {
            end = Math.min(latent, (from / Fp8Row.GROUP + 1) * Fp8Row.GROUP);
            decodeGroup(row, bytes, from, end, to, 4L * (from - column));
        }
        int rope = Math.max(column, row.shape().latentWidth());
        if (rope < column + width) {
            long skipped = row.ropeAt() + 2L * (rope - row.shape().latentWidth());
            VectorCache.fromBf16(bytes.asSlice(skipped), column + width - rope, to.asSlice(4L * (rope - column)));
        }
    }

    /** Columns [from, end), which share a scale. */
    private static void decodeGroup(Fp8Row row, MemorySegment bytes, int from, int end, MemorySegment to, long place) {
        float scale = bytes.get(Tensor.F32, row.scaleAt(from));
        FloatVector factor = FloatVector.broadcast(F32, scale);
        int i = from;
        for (; i + COUNT <= end; i += COUNT) {
            E4m3.exact(E4m3.bits(bytes, i)).mul(factor).intoMemorySegment(to, place + 4L * (i - from), LE);
        }
        for (; i < end; i++) {
            float value = Codecs.e4m3ToFloat(bytes.get(ValueLayout.JAVA_BYTE, i)) * scale;
            to.set(Tensor.F32, place + 4L * (i - from), value);
        }
    }
}
