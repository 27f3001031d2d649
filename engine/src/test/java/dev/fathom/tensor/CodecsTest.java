package dev.fathom.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class CodecsTest {
    @Test
    void decodesE4m3AsItsTableSays() {
        assertThat(Codecs.e4m3ToFloat((byte) 0x00)).isEqualTo(0f);
        assertThat(Codecs.e4m3ToFloat((byte) 0x01)).isEqualTo(0x1p-9f);
        assertThat(Codecs.e4m3ToFloat((byte) 0x07)).isEqualTo(7 * 0x1p-9f);
        assertThat(Codecs.e4m3ToFloat((byte) 0x08)).isEqualTo(0x1p-6f);
        assertThat(Codecs.e4m3ToFloat((byte) 0x38)).isEqualTo(1f);
        assertThat(Codecs.e4m3ToFloat((byte) 0x3C)).isEqualTo(1.5f);
        assertThat(Codecs.e4m3ToFloat((byte) 0x7E)).isEqualTo(448f);
        assertThat(Codecs.e4m3ToFloat((byte) 0xFE)).isEqualTo(-448f);
        assertThat(Codecs.e4m3ToFloat((byte) 0x7F)).isNaN();
        assertThat(Codecs.e4m3ToFloat((byte) 0xFF)).isNaN();
    }

    @Test
    void encodesEveryE4m3ValueToItsOwnCode() {
        for (int code = 0; code < 256; code++) {
            float value = Codecs.e4m3ToFloat((byte) code);
            int expected = Float.isNaN(value) ? 0x7F : code;
            assertThat(Codecs.floatToE4m3(value) & 0xFF).as("code %02x", code).isEqualTo(expected);
        }
    }

    @Test
    void roundsToNearestE4m3AndTiesToEvenCodes() {
        for (int code = 0; code < 0x7E; code++) {
            float low = Codecs.e4m3ToFloat((byte) code);
            float high = Codecs.e4m3ToFloat((byte) (code + 1));
            float middle = (low + high) / 2;
            int even = (code & 1) == 0 ? code : code + 1;
            for (int sign : new int[] {0, 0x80}) {
                float signum = sign == 0 ? 1 : -1;
                assertThat(Codecs.floatToE4m3(signum * middle) & 0xFF).isEqualTo(even | sign);
                assertThat(Codecs.floatToE4m3(signum * Math.nextDown(middle)) & 0xFF)
                        .isEqualTo(code | sign);
                assertThat(Codecs.floatToE4m3(signum * Math.nextUp(middle)) & 0xFF)
                        .isEqualTo((code + 1) | sign);
            }
        }
    }

    @Test
    void saturatesE4m3() {
        for (float value : new float[] {449, 1e30f, Float.MAX_VALUE, Float.POSITIVE_INFINITY}) {
            assertThat(Codecs.floatToE4m3(value)).isEqualTo((byte) 0x7E);
            assertThat(Codecs.floatToE4m3(-value)).isEqualTo((byte) 0xFE);
        }
        assertThat(Codecs.floatToE4m3(Float.NaN)).isEqualTo((byte) 0x7F);
        assertThat(Codecs.floatToE4m3(Float.MIN_VALUE)).isZero();
        assertThat(Codecs.floatToE4m3(-0f)).isEqualTo((byte) 0x80);
    }

    @Test
    void bringsEveryBf16BackUnchanged() {
        for (int bits = 0; bits < 65536; bits++) {
            float value = Codecs.bf16ToFloat((short) bits);
            short back = Codecs.floatToBf16(value);
            if (Float.isNaN(value)) {
                assertThat(Codecs.bf16ToFloat(back)).isNaN();
            } else {
                assertThat(back).isEqualTo((short) bits);
            }
        }
    }

    @Test
    void roundsBf16ToNearestAndTiesToEven() {
        assertThat(bf16(0x3F80_8000)).isEqualTo(0x3F80); // tie, even below
        assertThat(bf16(0x3F81_8000)).isEqualTo(0x3F82); // tie, even above
        assertThat(bf16(0x3F80_8001)).isEqualTo(0x3F81);
        assertThat(bf16(0x3F80_7FFF)).isEqualTo(0x3F80);
        assertThat(bf16(0x7F7F_FFFF)).isEqualTo(0x7F80); // beyond the largest: infinity
        assertThat(bf16(0x7F80_0000)).isEqualTo(0x7F80);
        assertThat(bf16(0xFF80_0000)).isEqualTo(0xFF80);
        assertThat(bf16(0x8000_0000)).isEqualTo(0x8000);
        assertThat(Codecs.bf16ToFloat(Codecs.floatToBf16(Float.intBitsToFloat(0x7F80_0001))))
                .isNaN();
    }

    private static int bf16(int floatBits) {
        return Codecs.floatToBf16(Float.intBitsToFloat(floatBits)) & 0xFFFF;
    }

    @Test
    void roundsRandomFloatsToOneOfTheTwoNeighbours() {
        long seed = 20260711;
        System.out.println("codecs: seed " + seed);
        Random random = new Random(seed);
        for (int i = 0; i < 200_000; i++) {
            float value = (float) Math.scalb(random.nextGaussian(), random.nextInt(40) - 20);
            float bf16 = Codecs.bf16ToFloat(Codecs.floatToBf16(value));
            assertThat(Math.abs(bf16 - value)).isLessThanOrEqualTo(Math.abs(value) * 0x1p-8f);
            float fp8 = Codecs.e4m3ToFloat(Codecs.floatToE4m3(value));
            if (Math.abs(value) <= Codecs.E4M3_MAX) {
                assertThat(Math.abs(fp8 - value)).isLessThanOrEqualTo(Math.max(Math.abs(value) * 0x1p-4f, 0x1p-10f));
            }
        }
    }
}
