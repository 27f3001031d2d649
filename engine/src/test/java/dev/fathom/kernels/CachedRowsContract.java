package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The rows of the latent cache. */
abstract class CachedRowsContract extends RowsContract {
    @ParameterizedTest
    @EnumSource
    void storesNormalizedRotatedRowsAndLoadsThemBack(KvFormat format) {
        if (!kernels.cacheFormats().contains(format)) {
            return; // a server with that cache does not start: EngineTest
        }
        for (int[] widths : new int[][] {{1, 2}, {6, 4}, {LANES, LANES}, {40, 10}, {512, 64}, {33, 0}}) {
            int latentWidth = widths[0];
            int ropeWidth = widths[1];
            PagedKv kv = PagedKv.allocate(new KvShape(3, latentWidth, ropeWidth), format, 20, arena);
            int[] slots = {7, 0, 19, 4, 12};
            Tensor latent = gaussian(5, latentWidth + ropeWidth, 3);
            Tensor norm = gaussian(1, latentWidth);
            Tensor cos = gaussian(5, ropeWidth / 2);
            Tensor sin = gaussian(5, ropeWidth / 2);
            kernels.storeLatent(latent, norm, 1e-6f, cos, sin, slots, kv, 1);
            Tensor back = tensor(4, latentWidth);
            Tensor ropeKeys = tensor(4, ropeWidth);
            kernels.loadLatent(kv, 1, slots, 1, 4, back, ropeKeys);
            double rounding = format == KvFormat.F32 ? 0 : 0x1p-8;
            for (int k = 0; k < 4; k++) {
                double factor = inverseRms(latent, k + 1, latentWidth);
                double[] stored = new double[latentWidth];
                for (int i = 0; i < latentWidth; i++) {
                    stored[i] = latent.get(k + 1, i) * factor * norm.get(0, i);
                }
                for (int i = 0; i < latentWidth; i++) {
                    double expected = stored[i];
                    double bound =
                            (latentWidth / 2.0 + 4) * U * Math.abs(expected) * 1.01 + cacheRounding(format, stored, i);
                    assertWithin(back.get(k, i), expected, bound, "latent " + i);
                }
                for (int i = 0; i < ropeWidth / 2; i++) {
                    double a = latent.get(k + 1, latentWidth + 2 * i);
                    double b = latent.get(k + 1, latentWidth + 2 * i + 1);
                    double c = cos.get(k + 1, i);
                    double s = sin.get(k + 1, i);
                    double bound = 1.01 * (rounding + 2 * U) * (Math.abs(a * c) + Math.abs(b * s));
                    assertWithin(ropeKeys.get(k, 2 * i), a * c - b * s, bound, "rope " + i);
                    bound = 1.01 * (rounding + 2 * U) * (Math.abs(a * s) + Math.abs(b * c));
                    assertWithin(ropeKeys.get(k, 2 * i + 1), a * s + b * c, bound, "rope " + i);
                }
            }
            assertOthersEmpty(kv, slots);
        }
    }

    /**
     * How far off a number may come back. FP8 has three bits of mantissa; steps below 2^-6 of a scale's unit are 2^-9 of it.
     *
     * @param numbers  of the latent part
     */
    static double cacheRounding(KvFormat format, double[] numbers, int i) {
        return switch (format) {
            case F32 -> 0;
            case BF16 -> 0x1p-8 * 1.01 * Math.abs(numbers[i]);
            case FP8_E4M3 -> {
                double largest = 0;
                int from = i / 128 * 128;
                for (int c = from; c < Math.min(numbers.length, from + 128); c++) {
                    largest = Math.max(largest, Math.abs(numbers[c]));
                }
                yield 1.01 * Math.max(0x1p-4 * Math.abs(numbers[i]), 0x1p-10 * largest / 448);
            }
        };
    }

    static void assertOthersEmpty(PagedKv kv, int[] slots) {
        Set<Integer> used = new HashSet<>();
        for (int slot : slots) {
            used.add(slot);
        }
        for (int layer = 0; layer < kv.shape().layers(); layer++) {
            for (int slot = 0; slot < kv.slots(); slot++) {
                if (layer != 1 || !used.contains(slot)) {
                    byte[] bytes = kv.layer(layer)
                            .asSlice(slot * kv.rowBytes(), kv.rowBytes())
                            .toArray(ValueLayout.JAVA_BYTE);
                    assertThat(bytes).containsOnly(0);
                }
            }
        }
    }

    @Test
    void roundsCachedNumbersToNearestEven() {
        int width = 2 * LANES + 3;
        PagedKv kv = PagedKv.allocate(new KvShape(1, 1, 2 * width), KvFormat.BF16, 2, arena);
        float[] edges = {
            1f,
            0x1.01p0f,
            0x1.02p0f,
            0x1.03p0f,
            0x1.010002p0f,
            -0x1.01p0f,
            0x1.fep0f,
            0x1.ffp0f,
            3e-39f,
            -3e-39f,
            Float.MAX_VALUE,
            -0f,
            0f,
            Float.NaN,
            Float.POSITIVE_INFINITY,
            0x1.00fffep0f
        };
        Tensor latent = tensor(1, 1 + 2 * width);
        latent.set(0, 0, 1);
        for (int i = 0; i < 2 * width; i++) {
            latent.set(0, 1 + i, i % 2 == 0 ? edges[i / 2 % edges.length] : 0f);
        }
        Tensor one = tensor(1, width);
        one.fill(1);
        Tensor zero = tensor(1, width);
        zero.fill(0);
        kernels.storeLatent(latent, single(1), 1e-6f, one, zero, new int[] {1}, kv, 0);
        Tensor ropeKeys = tensor(1, 2 * width);
        kernels.loadLatent(kv, 0, new int[] {1}, 0, 1, tensor(1, 1), ropeKeys);
        for (int i = 0; i < width; i++) {
            float edge = edges[i % edges.length];
            float expected = Codecs.bf16ToFloat(Codecs.floatToBf16(edge)) + 0f;
            assertThat(Float.compare(ropeKeys.get(0, 2 * i) + 0f, expected))
                    .as("%s gave %s", edge, ropeKeys.get(0, 2 * i))
                    .isZero();
        }
    }

    private Tensor single(float value) {
        Tensor tensor = tensor(1, 1);
        tensor.set(0, 0, value);
        return tensor;
    }
}
