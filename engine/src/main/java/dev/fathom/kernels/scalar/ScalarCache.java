package dev.fathom.kernels.scalar;

import dev.fathom.kernels.Fp8Row;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

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
        float[] row = new float[kv.shape().rowWidth()];
        for (int t = 0; t < slots.length; t++) {
            double factor = ScalarElementwise.inverseRms(latent, t, width, epsilon);
            for (int i = 0; i < width; i++) {
                row[i] = (float) (latent.get(t, i) * factor * normWeight.get(0, i));
            }
            for (int i = 0; i < kv.shape().ropeWidth() / 2; i++) {
                double a = latent.get(t, width + 2 * i);
                double b = latent.get(t, width + 2 * i + 1);
                double c = cos.get(t, i);
                double s = sin.get(t, i);
                row[width + 2 * i] = (float) (a * c - b * s);
                row[width + 2 * i + 1] = (float) (a * s + b * c);
            }
            write(kv, layer, slots[t], row);
        }
    }

    static void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        float[] row = new float[kv.shape().rowWidth()];
        for (int t = 0; t < slots.length; t++) {
            int column = 0;
            for (HeadView view : List.of(keys, values)) {
                for (int h = 0; h < view.heads(); h++) {
                    for (int i = 0; i < view.width(); i++) {
                        row[column++] = view.tensor().get(t, view.column(h) + i);
                    }
                }
            }
            write(kv, layer, slots[t], row);
        }
    }

    static void storeRows(Tensor rows, int[] slots, PagedKv kv, int layer) {
        for (int t = 0; t < slots.length; t++) {
            write(kv, layer, slots[t], rows.rows(t, 1).toArray());
        }
    }

    private static void write(PagedKv kv, int layer, int slot, float[] row) {
        MemorySegment data = kv.layer(layer);
        long at = slot * kv.rowBytes();
        switch (kv.format()) {
            case F32 -> MemorySegment.copy(row, 0, data, Tensor.F32, at, row.length);
            case BF16 -> {
                for (int i = 0; i < row.length; i++) {
                    data.set(Codecs.LE_SHORT, at + 2L * i, Codecs.floatToBf16(row[i]));
                }
            }
            case FP8_E4M3 -> new Fp8Row(kv.shape()).write(row, data, at);
        }
    }

    /** Number {@code i} of the row that starts at byte {@code at}. */
    static float read(PagedKv kv, int layer, long at, int i) {
        MemorySegment data = kv.layer(layer);
        return switch (kv.format()) {
            case F32 -> data.get(Tensor.F32, at + 4L * i);
            case BF16 -> Codecs.bf16ToFloat(data.get(Codecs.LE_SHORT, at + 2L * i));
            case FP8_E4M3 -> new Fp8Row(kv.shape()).read(data, at, i);
        };
    }

    static void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        int width = kv.shape().latentWidth();
        for (int k = 0; k < count; k++) {
            long row = slots[from + k] * kv.rowBytes();
            for (int i = 0; i < width; i++) {
                latent.set(k, i, read(kv, layer, row, i));
            }
            for (int i = 0; i < kv.shape().ropeWidth(); i++) {
                ropeKeys.set(k, i, read(kv, layer, row, width + i));
            }
        }
    }
}
