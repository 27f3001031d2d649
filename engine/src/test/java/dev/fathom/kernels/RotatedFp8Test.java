package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.Codecs;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class RotatedFp8Test {
    @Test
    void roundsAsTheFormatDoes() {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 200_000; i++) {
            float value = (float) ((random.nextDouble() - 0.5) * Math.pow(2, random.nextInt(-12, 10)));
            value = Math.clamp(value, -448f, 448f);
            assertThat(RotatedFp8.e4m3(value) + 0f)
                    .as("%s", value)
                    .isEqualTo(Codecs.e4m3ToFloat(Codecs.floatToE4m3(value)) + 0f);
        }
        for (int code = 0; code < 256; code++) {
            float value = Codecs.e4m3ToFloat((byte) code);
            if (!Float.isNaN(value)) {
                assertThat(RotatedFp8.e4m3(value) + 0f).isEqualTo(value + 0f);
            }
        }
        assertThat(RotatedFp8.e4m3(17)).as("ties to even").isEqualTo(16);
        assertThat(RotatedFp8.e4m3(19)).as("ties to even").isEqualTo(20);
    }

    @Test
    void takesTheSmallestPowerOfTwoThatKeepsNumbersInRange() {
        assertThat(RotatedFp8.scale(448)).isEqualTo(1);
        assertThat(RotatedFp8.scale(Math.nextUp(448f))).isEqualTo(2);
        assertThat(RotatedFp8.scale(7)).isEqualTo(0x1p-6f);
        assertThat(RotatedFp8.scale(1e-4f)).isEqualTo(0x1p-22f);
        assertThat(RotatedFp8.scale(Float.POSITIVE_INFINITY)).isNaN();
    }

    @Test
    void givesZerosForZerosAndNaNForWhatIsNotFinite() {
        float[] head = new float[4];
        RotatedFp8.transform(head, 4);
        RotatedFp8.round(head, 0, 4);
        assertThat(head).containsOnly(0);
        head[2] = Float.POSITIVE_INFINITY;
        RotatedFp8.round(head, 0, 4);
        assertThat(head).containsOnly(Float.NaN);
    }

    @Test
    void keepsDotProducts() {
        float[] a = {1, -2, 3, 5, 0, 7, -1, 2};
        float[] b = {2, 2, -1, 4, 6, 1, 3, -5};
        double before = dot(a, b);
        RotatedFp8.transform(a, 8);
        RotatedFp8.transform(b, 8);
        assertThat(dot(a, b)).isCloseTo(before, Offset.offset(1e-4));
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
