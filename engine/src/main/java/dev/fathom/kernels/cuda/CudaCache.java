package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Tensor;

/** The key-value cache: writing rows and reading them back. */
final class CudaCache {
    private final CudaKernels kernels;
    private final Launch launch;
    private final Staging staging;

    CudaCache(CudaKernels kernels, Launch launch, Staging staging) {
        this.kernels = kernels;
        this.launch = launch;
        this.staging = staging;
    }

    private Kernel kernel(String name, KvFormat format) {
        return kernels.kernel(name + format.name());
    }

    private long send(int[] slots) {
        return staging.send(slots, 4L * slots.length, to -> Staging.copy(slots, to));
    }

    static long address(PagedKv kv, int layer) {
        return DeviceMemory.address(kv.layer(layer), "kv");
    }

    void storeLatent(
            Tensor latent,
            Tensor normWeight,
            float epsilon,
            Tensor cos,
            Tensor sin,
            int[] slots,
            PagedKv kv,
            int layer) {
        OpShapes.storeLatent(latent, normWeight, cos, sin, slots, kv, layer);
        long sent = send(slots);
        launch.begin()
                .put("latent", latent)
                .put("normWeight", normWeight)
                .put((double) epsilon)
                .put("cos", cos)
                .put("sin", sin)
                .put(sent)
                .put(address(kv, layer))
                .put((long) kv.shape().latentWidth())
                .put((long) kv.shape().ropeWidth())
                .run(kernel("store_latent_", kv.format()), Grid.rows(slots.length));
    }

    void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        OpShapes.loadLatent(kv, layer, slots, from, count, latent, ropeKeys);
        long sent = send(slots) + 4L * from;
        launch.begin()
                .put(address(kv, layer))
                .put(sent)
                .put("latent", latent)
                .put("ropeKeys", ropeKeys)
                .put((long) kv.shape().latentWidth())
                .put((long) kv.shape().ropeWidth())
                .run(kernel("load_latent_", kv.format()), Grid.rows(count));
    }

    /** Rows of numbers, whatever they mean. */
    void storeRows(Tensor numbers, int[] slots, PagedKv kv, int layer) {
        HeadView all = HeadView.of(numbers, 1);
        launch.begin()
                .put("keys", all)
                .put((long) all.width())
                .put("keys", all)
                .put(0L)
                .put(1L)
                .put(send(slots))
                .put(address(kv, layer))
                .run(kernel("store_heads_", kv.format()), Grid.rows(slots.length));
    }

    void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        OpShapes.storeKeysValues(keys, values, slots, kv, layer);
        long sent = send(slots);
        launch.begin()
                .put("keys", keys)
                .put((long) keys.width())
                .put("values", values)
                .put((long) values.width())
                .put((long) keys.heads())
                .put(sent)
                .put(address(kv, layer))
                .run(kernel("store_heads_", kv.format()), Grid.rows(slots.length));
    }
}
