package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.Tensor;

/** The linear kernels of one weight: for few rows of x and for many. */
final class CudaLinear {
    private static final int THREADS = 128;
    private static final int OUTPUTS = 4;

    /** Rows of x that a block of the kernel for many takes at a time. */
    private static final int ROWS = 8;

    /** Blocks beside each other; each goes on with every so many'th rows. */
    private static final int MOST_CHUNKS = 1024;

    private final DeviceMatrix weight;
    private final Launch launch;
    private final Kernel one;
    private final Kernel many;

    CudaLinear(DeviceMatrix weight, CudaKernels kernels, Launch launch) {
        this.weight = weight;
        this.launch = launch;
        String name = "linear_" + weight.format() + "_" + weight.neighbours() + "_";
        one = kernels.kernel(name + 1);
        many = kernels.kernel(name + ROWS);
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

    private void run(int outputs, int groups, long rows) {
        long blocks = Math.ceilDiv(outputs, OUTPUTS);
        if (rows == 1) {
            launch.run(one, new Grid(blocks, 1, groups, THREADS));
        } else {
            launch.run(many, new Grid(blocks, Math.min(MOST_CHUNKS, Math.ceilDiv(rows, ROWS)), groups, THREADS));
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
                    .put(NONE);
            linear.run(outputs, heads, x.rows());
        }
    }

    /**
     * One of several weights for each run of assignments.
     *
     * @param experts     weights that follow the first, itself included
     * @param dataBytes   from one to the next
     * @param scaleCount  of each
     * @param x           address of rows as wide as the weight's columns
     * @param y           address of [assignments, outputs]
     * @param starts      address: see {@code struct Groups}
     * @param list        address, or 0 where assignment a has row a of x
     * @param tokens      most assignments that an expert has
     */
    void experts(
            int experts, long dataBytes, long scaleCount, long x, long y, long starts, long list, long tokens) {
        begin(weight.rows(), dataBytes, scaleCount, 0)
                .put(x)
                .put((long) weight.cols())
                .put(0L)
                .put(y)
                .put((long) weight.rows())
                .put(0L)
                .put(0L)
                .put(starts)
                .put(list);
        run(weight.rows(), experts, tokens);
    }
}
