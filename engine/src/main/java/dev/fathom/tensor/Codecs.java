package dev.fathom.tensor;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Conversions between float32 and the stored number formats, one number at a time: their definition. */
public final class Codecs {
    /** Little-endian 16-bit element without alignment demands. */
    public static final ValueLayout.OfShort LE_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Little-endian 32-bit element without alignment demands. */
    public static final ValueLayout.OfInt LE_INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Largest finite E4M3 value. */
    public static final float E4M3_MAX = 448f;

    private static final float[] E4M3 = new float[256];

    static {
        for (int code = 0; code < 256; code++) {
            int exponent = (code >> 3) & 15;
            int mantissa = code & 7;
            float magnitude = exponent == 0
                    ? mantissa * 0x1p-9f
                    : exponent == 15 && mantissa == 7
                            ? Float.NaN
                            : (8 + mantissa) * (float) Math.scalb(1.0, exponent - 10);
            E4M3[code] = (code & 0x80) != 0 ? -magnitude : magnitude;
        }
    }

    private Codecs() {}

    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** Round to nearest, ties to even; NaN stays NaN. */
    public static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }

    public static float e4m3ToFloat(byte code) {
        return E4M3[code & 0xFF];
    }

    /** Round to nearest, ties to even, saturating at ±448; NaN becomes 0x7F. */
    public static byte floatToE4m3(float value) {
        if (Float.isNaN(value)) {
            return 0x7F;
        }
        int sign = (Float.floatToRawIntBits(value) >>> 24) & 0x80;
        float magnitude = Math.min(Math.abs(value), E4M3_MAX);
        int exponent = Math.max(Math.getExponent(magnitude), -6);
        // The grid step at this exponent is 2^(exponent - 3); rint rounds ties to even.
        int steps = (int) Math.rint(Math.scalb((double) magnitude, 3 - exponent));
        if (steps == 16) {
            steps = 8;
            exponent++;
        }
        int code = steps < 8 ? steps : ((exponent + 7) << 3) | (steps - 8);
        return (byte) (sign | Math.min(code, 0x7E));
    }
}
