package dev.fathom.kernels;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A row of a cache in FP8: [an E4M3 code for each number of the latent part | a float32 scale for each {@value #GROUP} of
 * them | the rope part in BF16]. Of 512 and 64 numbers that is 512 + 16 + 128 = 656 bytes. A number of the latent part is
 * code * scale rounded once to float32.
 *
 * <p>The scale is the group's largest absolute value / 448, a code is the number / scale, to nearest and ties to even. A group of
 * zeros has the scale 0, one with a number that is not finite the scale NaN: it reads back as NaN.
 *
 * @see "FlashMLA, README: FP8 KV cache"
 */
public record Fp8Row(KvShape shape) {
    /** Columns that share a scale, counted from the row's first. */
    public static final int GROUP = 128;

    /** Offset of the scale of a column of the latent part, in bytes. */
    public long scaleAt(int column) {
        return shape.latentWidth() + 4L * (column / GROUP);
    }

    /** Offset of the rope part. */
    public long ropeAt() {
        return shape.latentWidth() + 4L * Math.ceilDiv(shape.latentWidth(), GROUP);
    }

    public long bytes() {
        return ropeAt() + 2L * shape.ropeWidth();
    }

    /** Number {@code i} of the row that starts at byte {@code at}. */
    public float read(MemorySegment data, long at, int i) {
        if (i >= shape.latentWidth()) {
            long place = at + ropeAt() + 2L * (i - shape.latentWidth());
            return Codecs.bf16ToFloat(data.get(Codecs.LE_SHORT, place));
        }
        return Codecs.e4m3ToFloat(data.get(ValueLayout.JAVA_BYTE, at + i)) * data.get(Tensor.F32, at + scaleAt(i));
    }

    /** Rounds a whole row into the bytes from {@code at} on. */
    public void write(float[] row, MemorySegment data, long at) {
        for (int from = 0; from < shape.latentWidth(); from += GROUP) {
            int end = Math.min(shape.latentWidth(), from + GROUP);
            float largest = 0;
            for (int i = from; i < end; i++) {
                largest = Math.max(largest, Math.abs(row[i])); // NaN if either is
            }
            float scale = scale(largest);
            data.set(Tensor.F32, at + scaleAt(from), scale);
            for (int i = from; i < end; i++) {
                data.set(ValueLayout.JAVA_BYTE, at + i, Codecs.floatToE4m3(row[i] / divisor(scale)));
            }
        }
        for (int i = 0; i < shape.ropeWidth(); i++) {
            data.set(Codecs.LE_SHORT, at + ropeAt() + 2L * i, Codecs.floatToBf16(row[shape.latentWidth() + i]));
        }
    }

    /** Of a group whose largest absolute value is this; NaN where a number is NaN. */
    public static float scale(float largest) {
        return largest <= Float.MAX_VALUE ? largest / Codecs.E4M3_MAX : Float.NaN;
    }

    /** What numbers are divided by: zeros by 1. */
    public static float divisor(float scale) {
        return scale == 0 ? 1 : scale;
    }
}
