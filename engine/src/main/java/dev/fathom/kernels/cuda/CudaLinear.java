package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.Tensor;

/** The linear kernels of one weight, or of several alike: for few rows of x and for many. */
final class CudaLinear {
    /** As long as all blocks of the kernel for few rows run at once, more of them are faster than larger ones. */
    private static final int FEW_BLOCKS = 1024;

    private final DeviceMatrix weight;
    private final Launch launch;
    private final Shape few;
    private final Shape many;

    private CudaLinear(DeviceMatrix weight, Launch launch, Shape few, Shape many) {
        this.weight = weight;
        this.launch = launch;
        this.few = few;
        this.many = many;
    }

    /**
     * A kernel, and how much a block of it takes at a time.
     *
     * @param outputs  weight rows
     * @param rows     of x
     */
    private record Shape(Kernel kernel, int outputs, int rows) {
        /** Blocks beside each other; each goes on with every so many'th rows. */
        private static final int MOST_CHUNKS = 1024;

        private static final int THREADS = 128;

        /** @param expected  rows of x of a group */
        Grid grid(long outputCount, long groups, long expected) {
            long chunks = Math.clamp(Math.ceilDiv(expected, rows), 1, MOST_CHUNKS);
            return new Grid(Math.ceilDiv(outputCount, outputs), chunks, groups, THREADS);
        }
    }

    /** @param weight  checked for what the kernels on tensor cores cannot do */
    static CudaLinear of(DeviceMatrix weight, CudaKernels kernels, Launch launch) {
        if (weight.forTensorCores()) {
            String name = "tensor_" + weight.format() + "_";
            return new CudaLinear(
                    weight,
                    launch,
                    new Shape(kernels.kernel(name + 1), 16, 8),
                    new Shape(kernels.kernel(name + 4), 32, 32));
        }
        String name = "linear_" + weight.format() + "_" + weight.neighbours() + "_";
        return new CudaLinear(
                weight, launch, new Shape(kernels.kernel(name + 1), 4, 1), new Shape(kernels.kernel(name + 8), 4, 8));
    }

    DeviceMatrix weight() {
        return weight;
    }

    /** {@code struct Groups} of linear.cu, but for x, y and what follows them. */
    private Launch begin(int outputs, long dataBytes, long scaleCount, long groupRows) {
        return weight.put(launch.begin(), outputs)
                .put(dataBytes)
                .put(scaleCount)
                .put(groupRows);
    }

    private void run(long outputs, long groups, long rows) {
        Grid small = few.grid(outputs, groups, rows);
        if (rows <= few.rows || small.x() * small.y() * small.z() <= FEW_BLOCKS) {
            launch.run(few.kernel, small);
        } else {
            launch.run(many.kernel, many.grid(outputs, groups, rows));
        }
    }

    private static final long NONE = 0;

    /** The whole weight, for every row of x. */
    LinearKernel plain() {
        return new Plain(this);
    }

    private record Plain(CudaLinear linear) implements LinearKernel {
        @Override
        public int rows() {
            return linear.weight.rows();
        }

        @Override
        public int cols() {
            return linear.weight.cols();
        }

        @Override
        public void apply(Tensor x, Tensor y) {
            OpShapes.linear(rows(), cols(), x, y);
            linear.begin(rows(), 0, 0, 0)
                    .put("x", x)
                    .put((long) x.cols())
                    .put(0L)
                    .put("y", y)
                    .put((long) y.cols())
                    .put(0L)
                    .put((long) x.rows())
                    .put(NONE)
                    .put(NONE)
                    .put(NONE);
            linear.run(rows(), 1, x.rows());
        }
    }

    /** Rows [h * outputs, (h + 1) * outputs) of the weight for head h. */
    HeadsKernel perHead(int heads) {
        return new PerHead(this, heads);
    }

    private record PerHead(CudaLinear linear, int heads) implements HeadsKernel {
        @Override
        public void apply(HeadView x, HeadView y) {
            int outputs = linear.weight.rows() / heads;
            OpShapes.heads(heads, outputs, linear.weight.cols(), x, y);
            linear.begin(outputs, 0, 0, outputs)
                    .put("x", x)
                    .put("y", y)
                    .put((long) x.rows())
                    .put(NONE)
                    .put(NONE)
                    .put(NONE);
            linear.run(outputs, heads, x.rows());
        }
    }

    /** Assignments of rows to several weights: addresses of {@code struct Groups}' arrays; list may be 0. */
    record Assignments(long count, long starts, long list, long weights) {
        Assignments withList(long other) {
            return new Assignments(count, starts, other, weights);
        }
    }

    /**
     * One of several weights for each assignment.
     *
     * @param experts     weights that follow the first, itself included
     * @param dataBytes   from one to the next
     * @param scaleCount  of each
     * @param x           address of rows as wide as the weight's columns
     * @param y           address of [assignments, outputs]
     */
    void experts(int experts, long dataBytes, long scaleCount, long x, long y, Assignments assignments) {
        // With fewer assignments than weights most of these would have none.
        boolean alone = assignments.count <= experts;
        begin(weight.rows(), dataBytes, scaleCount, 0)
                .put(x)
                .put((long) weight.cols())
                .put(0L)
                .put(y)
                .put((long) weight.rows())
                .put(0L)
                .put(0L)
                .put(assignments.starts)
                .put(assignments.list)
                .put(alone ? assignments.weights : NONE);
        if (alone) {
            launch.run(few.kernel, few.grid(weight.rows(), assignments.count, 1));
        } else {
            // As if all had equally many; a block with more goes on.
            run(weight.rows(), experts, Math.ceilDiv(assignments.count, experts));
        }
    }
}
