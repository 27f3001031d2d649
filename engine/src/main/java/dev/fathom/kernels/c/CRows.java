package dev.fathom.kernels.c;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.MemorySegment;

/** Operations on rows without a weight matrix. Fields are put in the order of the structs of rows.c. */
final class CRows {
    private static final int MOST_FIELDS = 12;

    private final CLibrary library;
    private final CTeam team;
    private final CStruct struct;
    private final CTeam.Buffer numbers;

    CRows(CLibrary library, CTeam team) {
        this.library = library;
        this.team = team;
        struct = new CStruct(team, MOST_FIELDS);
        numbers = team.buffer();
    }

    void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        OpShapes.rmsNorm(x, weight, out);
        rows(library.rmsNorm(), x, "weight", weight, out, epsilon, 2);
    }

    void add(Tensor x, Tensor delta) {
        OpShapes.add(x, delta);
        rows(library.add(), x, "delta", delta, x, 0, 1);
    }

    void siluMul(Tensor gate, Tensor up, Tensor out) {
        OpShapes.siluMul(gate, up, out);
        rows(library.siluMul(), gate, "up", up, out, 0, 10);
    }

    /** @param workEach multiply-adds or the like for each number */
    private void rows(
            MemorySegment operation, Tensor x, String name, Tensor other, Tensor out, float epsilon, int workEach) {
        struct.begin()
                .put(x.rows())
                .put(x.cols())
                .put("x", x)
                .put(name, other)
                .put("out", out)
                .put((double) epsilon);
        team.run(operation, struct.memory(), x.rows(), (long) workEach * x.rows() * x.cols());
    }

    void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        OpShapes.rope(x, cos, sin, out);
        struct.begin()
                .put(x.rows())
                .put(x.heads())
                .put(x.width())
                .put("x", x)
                .put("cos", cos)
                .put("sin", sin)
                .put("out", out);
        team.run(library.rope(), struct.memory(), x.rows(), 2L * x.rows() * x.heads() * x.width());
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
        struct.begin()
                .put(slots.length)
                .put(kv.shape().latentWidth())
                .put(kv.shape().ropeWidth())
                .put(CTeam.address(kv.layer(layer), "kv"))
                .put(number(kv.format()))
                .put(numbers.copy(slots, 0, slots.length))
                .put("latent", latent)
                .put("normWeight", normWeight)
                .put((double) epsilon)
                .put("cos", cos)
                .put("sin", sin);
        team.run(library.storeLatent(), struct.memory(), slots.length, 4L * latent.rows() * latent.cols());
    }

    /** How C is told of a format: the numbers of storage.h. */
    static long number(KvFormat format) {
        return switch (format) {
            case F32 -> 0;
            case BF16 -> 1;
            case FP8_E4M3 -> 2;
        };
    }

    void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        OpShapes.loadLatent(kv, layer, slots, from, count, latent, ropeKeys);
        struct.begin()
                .put(count)
                .put(kv.shape().latentWidth())
                .put(kv.shape().ropeWidth())
                .put(CTeam.address(kv.layer(layer), "kv"))
                .put(number(kv.format()))
                .put(numbers.copy(slots, from, count))
                .put("latent", latent)
                .put("ropeKeys", ropeKeys);
        team.run(
                library.loadRows(),
                struct.memory(),
                count,
                (long) count * kv.shape().rowWidth());
    }

    /**
     * Rows of an embedding table.
     *
     * @param data  the table's numbers, BF16 or float32
     */
    void embed(WeightMatrix table, MemorySegment data, boolean bf16, int[] ids, Tensor out) {
        OpShapes.embed(table, ids, out);
        struct.begin()
                .put(ids.length)
                .put(table.cols())
                .put(0L)
                .put(CTeam.address(data, "table"))
                .put(number(bf16 ? KvFormat.BF16 : KvFormat.F32))
                .put(numbers.copy(ids, 0, ids.length))
                .put("out", out)
                .put(0L);
        team.run(library.loadRows(), struct.memory(), ids.length, (long) ids.length * table.cols());
    }
}
