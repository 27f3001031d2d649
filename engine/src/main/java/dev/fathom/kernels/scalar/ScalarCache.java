package dev.fathom.kernels.scalar;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** The key-value cache: writing rows and reading them back. */
final class ScalarCache {
    private ScalarCache() {}

    static void storeLatent(
            Tensor latent,
            Tensor normWeight,
            float epsilon,
            Tensor cos,
            Tensor sin,
            int[] slots,
            PagedKv kv,
            int layer) {
        int width = kv.shape().latentWidth();
        for (int t = 0; t < slots.length; t++) {
            double factor = ScalarElementwise.inverseRms(latent, t, width, epsilon);
            for (int i = 0; i < width; i++) {
                write(kv, layer, slots[t], i, (float) (latent.get(t, i) * factor * normWeight.get(0, i)));
            }
            for (int i = 0; i < kv.shape().ropeWidth() / 2; i++) {
                double a = latent.get(t, width + 2 * i);
                double b = latent.get(t, width + 2 * i + 1);
                double c = cos.get(t, i);
                double s = sin.get(t, i);
                write(kv, layer, slots[t], width + 2 * i, (float) (a * c - b * s));
                write(kv, layer, slots[t], width + 2 * i + 1, (float) (a * s + b * c));
            }
        }
    }

    static void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        for (int t = 0; t < slots.length; t++) {
            for (int h = 0; h < keys.heads(); h++) {
                for (int i = 0; i < keys.width(); i++) {
                    write(
                            kv,
                            layer,
                            slots[t],
                            h * keys.width() + i,
                            keys.tensor().get(t, keys.column(h) + i));
                }
                int first = keys.heads() * keys.width() + h * values.width();
                for (int i = 0; i < values.width(); i++) {
                    write(kv, layer, slots[t], first + i, values.tensor().get(t, values.column(h) + i));
                }
            }
        }
    }

    private static void write(PagedKv kv, int layer, int slot, int i, float value) {
        MemorySegment data = kv.layer(layer);
        long at = slot * kv.rowBytes() + (long) i * kv.format().bytes();
        switch (kv.format()) {
            case F32 -> data.set(Tensor.F32, at, value);
            case BF16 -> data.set(Codecs.LE_SHORT, at, Codecs.floatToBf16(value));
        }
    }

    /** Number i of a slot's row. */
    static float read(MemorySegment data, KvFormat format, long row, int i) {
        return switch (format) {
            case F32 -> data.get(Tensor.F32, row + 4L * i);
            case BF16 -> Codecs.bf16ToFloat(data.get(Codecs.LE_SHORT, row + 2L * i));
        };
    }

    static void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        int width = kv.shape().latentWidth();
        for (int k = 0; k < count; k++) {
            long row = slots[from + k] * kv.rowBytes();
            for (int i = 0; i < width; i++) {
                latent.set(k, i, read(kv.layer(layer), kv.format(), row, i));
            }
            for (int i = 0; i < kv.shape().ropeWidth(); i++) {
                ropeKeys.set(k, i, read(kv.layer(layer), kv.format(), row, width + i));
            }
        }
    }
}
