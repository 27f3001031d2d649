package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;

/** Operations on rows without a weight matrix. */
final class CudaRows {
    // As rows.cu has it.
    private static final int NORM_THREADS = 512;

    private final CudaKernels kernels;
    private final Launch launch;
    private final Staging staging;
    private final Kernel rmsNorm;
    private final Kernel addRmsNorm;
    private final Kernel toBf16;
    private final Kernel toFp8;
    private final Kernel roundGroups;
    private final Kernel add;
    private final Kernel addBias;
    private final Kernel fill;
    private final Kernel siluMul;
    private final Kernel gatherRows;
    private final Kernel copyColumns;
    private final Kernel rotate;

    CudaRows(CudaKernels kernels, Launch launch, Staging staging) {
        this.kernels = kernels;
        this.launch = launch;
        this.staging = staging;
        rmsNorm = kernels.kernel("rms_norm");
        addRmsNorm = kernels.kernel("add_rms_norm");
        toBf16 = kernels.kernel("to_bf16");
        toFp8 = kernels.kernel("to_fp8");
        roundGroups = kernels.kernel("round_groups");
        add = kernels.kernel("add");
        addBias = kernels.kernel("add_bias");
        fill = kernels.kernel("fill");
        siluMul = kernels.kernel("silu_mul");
        gatherRows = kernels.kernel("gather_rows");
        copyColumns = kernels.kernel("copy_columns");
        rotate = kernels.kernel("rotate");
    }

    void embed(WeightMatrix table, int[] ids, Tensor out) {
        OpShapes.embed(table, ids, out);
        DeviceMatrix weight = DeviceMatrix.of(table);
        long sent = staging.send(ids, 4L * ids.length, to -> Staging.copy(ids, to));
        weight.put(launch.begin(), weight.rows())
                .put(sent)
                .put("out", out)
                .run(kernels.kernel("embed_" + weight.format()), Grid.rows(ids.length));
    }

    /** @param rounded  address where out lies as BF16 too; 0 for none */
    void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out, long rounded) {
        OpShapes.rmsNorm(x, weight, out);
        launch.begin()
                .put("x", x)
                .put("weight", weight)
                .put((double) epsilon)
                .put("out", out)
                .put((long) x.cols())
                .put(rounded)
                .run(rmsNorm, new Grid(x.rows(), 1, 1, NORM_THREADS));
    }

    /** As {@link #rmsNorm}, of x plus delta, which x becomes. */
    void addRmsNorm(Tensor x, Tensor delta, Tensor weight, float epsilon, Tensor out, long rounded) {
        OpShapes.add(x, delta);
        OpShapes.rmsNorm(x, weight, out);
        launch.begin()
                .put("x", x)
                .put("delta", delta)
                .put("weight", weight)
                .put((double) epsilon)
                .put("out", out)
                .put((long) x.cols())
                .put(rounded)
                .run(addRmsNorm, new Grid(x.rows(), 1, 1, NORM_THREADS));
    }

    /** @param to  address of [rows, heads, width] BF16 numbers */
    void toBf16(HeadView x, long to) {
        launch.begin()
                .put("x", x)
                .put((long) x.heads())
                .put((long) x.width())
                .put(to)
                .run(toBf16, Grid.rows(x.rows()));
    }

    /**
     * @param x        address of [count, width] floats
     * @param byChunk  whether scales are [width / 128, count]
     */
    void toFp8(long x, long width, long count, Roundings.Quantized to, boolean byChunk) {
        launch.begin()
                .put(x)
                .put(width)
                .put(to.codes())
                .put(to.scales())
                .put(byChunk ? 1 : width / 128)
                .put(byChunk ? count : 1)
                .run(toFp8, Grid.rows(count));
    }

    /** @param to  address of [rows, heads, width] floats */
    void roundGroups(HeadView x, int group, long to) {
        launch.begin()
                .put("x", x)
                .put((long) x.heads())
                .put((long) x.width())
                .put((long) group)
                .put(to)
                .run(roundGroups, Grid.rows(x.rows()));
    }

    void add(Tensor x, Tensor delta) {
        OpShapes.add(x, delta);
        launch.begin().put("x", x).put("delta", delta).put(count(x)).run(add, Grid.numbers(count(x)));
    }

    private static long count(Tensor tensor) {
        return (long) tensor.rows() * tensor.cols();
    }

    void addBias(Tensor x, Tensor bias) {
        OpShapes.addBias(x, bias);
        launch.begin()
                .put("x", x)
                .put("bias", bias)
                .put(count(x))
                .put((long) x.cols())
                .run(addBias, Grid.numbers(count(x)));
    }

    void fill(Tensor tensor, float value) {
        launch.begin()
                .put("tensor", tensor)
                .put((double) value)
                .put(count(tensor))
                .run(fill, Grid.numbers(count(tensor)));
    }

    /** @param rounded  address where out lies as BF16 too, whose width is a multiple of four then; 0 for none */
    void siluMul(Tensor gate, Tensor up, Tensor out, long rounded) {
        OpShapes.siluMul(gate, up, out);
        launch.begin()
                .put("gate", gate)
                .put("up", up)
                .put("out", out)
                .put(count(gate))
                .put(rounded)
                .run(siluMul, Grid.numbers(Math.ceilDiv(count(gate), 4L)));
    }

    void gatherRows(Tensor x, int[] rows, Tensor out) {
        OpShapes.gatherRows(x, rows, out);
        long sent = staging.send(rows, 4L * rows.length, to -> Staging.copy(rows, to));
        launch.begin()
                .put("x", x)
                .put(sent)
                .put("out", out)
                .put((long) x.cols())
                .run(gatherRows, Grid.rows(rows.length));
    }

    void copyColumns(Tensor from, Tensor to, int firstColumn) {
        OpShapes.copyColumns(from, to, firstColumn);
        launch.begin()
                .put("from", from)
                .put((long) from.cols())
                .put("to", to)
                .put((long) to.cols())
                .put((long) firstColumn)
                .run(copyColumns, Grid.rows(from.rows()));
    }

    /** Pairs (2i, 2i + 1). */
    void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        rotate(x, cos, sin, out, 2, 1);
    }

    /** Pairs (i, i + width / 2). */
    void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        rotate(x, cos, sin, out, 1, x.width() / 2);
    }

    private void rotate(HeadView x, Tensor cos, Tensor sin, HeadView out, long step, long distance) {
        OpShapes.rope(x, cos, sin, out);
        launch.begin()
                .put("x", x)
                .put("cos", cos)
                .put("sin", sin)
                .put("out", out)
                .put((long) x.heads())
                .put(x.width() / 2L)
                .put(step)
                .put(distance)
                .run(rotate, Grid.rows(x.rows(), x.heads() * (x.width() / 2L)));
    }
}
