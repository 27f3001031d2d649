package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** What only a cache in FP8 has: codes to the bit, scales of zero, groups that are not finite. */
abstract class Fp8CacheContract extends GroupedContract {
    private static final float[] EDGES = {
        448, 447, 17, 17.5f, 18.5f, -19, 0x1p-6f, 0x1.fp-7f, 0x1p-9f, 0x1p-10f, 0x1.8p-9f, -0x1p-10f, 0f, -0f
    };

    @Test
    void roundsToFp8AsItsRowIsDefined() {
        int width = 128 + 2 * LANES + 3;
        KvShape shape = new KvShape(1, width, 0);
        for (float largest : new float[] {448, 300, 1e-30f, 3e38f, 1e-40f, 0}) {
            PagedKv kv = PagedKv.allocate(shape, KvFormat.FP8_E4M3, 2, arena);
            float[] row = new float[width];
            for (int i = 0; i < width; i++) {
                float number = i < EDGES.length ? EDGES[i] : (float) (100 * Math.clamp(nextGaussian(), -4, 4));
                row[i] = number * (largest / 448);
            }
            Tensor numbers = tensor(1, width);
            numbers.copyFrom(row);
            HeadView keys = new HeadView(numbers, 1, 0, 0, width / 2);
            HeadView values = new HeadView(numbers, 1, 0, width / 2, width - width / 2);
            kernels.storeKeysValues(keys, values, new int[] {1}, kv, 0);
            MemorySegment expected = arena.allocate(2 * kv.rowBytes());
            new Fp8Row(shape).write(row, expected, kv.rowBytes());
            assertThat(kv.layer(0).asSlice(0, 2 * kv.rowBytes()).toArray(ValueLayout.JAVA_BYTE))
                    .as("largest " + largest)
                    .isEqualTo(expected.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    @Test
    void keepsGroupsOfFp8ApartWhenOneIsNotFinite() {
        for (float strange : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            PagedKv kv = PagedKv.allocate(new KvShape(1, 300, 4), KvFormat.FP8_E4M3, 1, arena);
            Tensor norm = gaussian(1, 300);
            norm.set(0, 140, strange);
            Tensor angle = gaussian(1, 2);
            kernels.storeLatent(gaussian(1, 304), norm, 1e-6f, angle, angle, new int[] {0}, kv, 0);
            Tensor latent = tensor(1, 300);
            Tensor ropeKeys = tensor(1, 4);
            kernels.loadLatent(kv, 0, new int[] {0}, 0, 1, latent, ropeKeys);
            for (int i = 0; i < 300; i++) {
                assertThat(Float.isNaN(latent.get(0, i)))
                        .as(strange + ", column " + i)
                        .isEqualTo(i / Fp8Row.GROUP == 1);
            }
            for (float number : ropeKeys.toArray()) {
                assertThat(number).isFinite();
            }
        }
    }

    @Test
    void storesZerosInFp8() {
        PagedKv kv = PagedKv.allocate(new KvShape(1, 130, 4), KvFormat.FP8_E4M3, 1, arena);
        Tensor zeros = tensor(1, 134);
        zeros.fill(0);
        Tensor angle = gaussian(1, 2);
        kernels.storeLatent(zeros, gaussian(1, 130), 1e-6f, angle, angle, new int[] {0}, kv, 0);
        Tensor latent = tensor(1, 130);
        kernels.loadLatent(kv, 0, new int[] {0}, 0, 1, latent, tensor(1, 4));
        assertThat(latent.toArray()).containsOnly(0f, -0f);
    }
}
