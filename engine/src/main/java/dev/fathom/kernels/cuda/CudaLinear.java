package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.RoundedInput;
import dev.fathom.tensor.Tensor;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The linear kernels of one weight, or of several alike: for few rows of x and for many. */
final class CudaLinear {
    /** As long as all blocks of the kernel for few rows run at once, more of them are faster than larger ones. */
    private static final int FEW_BLOCKS = 1024;

    /** From so many rows on it pays to multiply three at most by another kernel. */
    private static final int FEW_FOURS = 64;

    private static final long NONE = 0;

    private final DeviceMatrix weight;
    private final Launch launch;
    private final RoundedGroups groups;
    private final Shapes shapes;

    private CudaLinear(DeviceMatrix weight, Means means, Shapes shapes) {
        this.weight = weight;
        launch = means.launch;
        groups = means.groups;
        this.shapes = shapes;
    }

    /**
     * Kernels for one format.
     *
     * @param gatedFew   where two weights are multiplied and joined at once; null where that is not to be had
     * @param gatedMany  likewise
     * @param pair       two of few rows at once; null where that is not to be had
     * @param matrices   for many rows rounded to BF16; null where that is not to be had
     */
    private record Shapes(
            LinearShape few,
            LinearShape many,
            @Nullable LinearShape gatedFew,
            @Nullable LinearShape gatedMany,
            @Nullable Kernel pair,
            @Nullable CudaMatrices matrices) {}

    /**
     * What linear kernels are made with.
     *
     * @param rounding  whether x may be rounded to BF16
     * @param matrices  null where the chip has none
     */
    record Means(
            CudaKernels kernels,
            Launch launch,
            RoundedGroups groups,
            boolean rounding,
            @Nullable CudaMatrices matrices) {}

    /** @param weight  checked for what the kernels on tensor cores cannot do */
    static CudaLinear of(DeviceMatrix weight, Means means) {
        CudaKernels kernels = means.kernels;
        if (weight.forTensorCores()) {
            return new CudaLinear(
                    weight, means, means.rounding ? rounded(weight, kernels, means.matrices) : exact(weight, kernels));
        }
        String name = "linear_" + weight.format() + "_" + weight.neighbours() + "_";
        LinearShape few = new LinearShape(kernels.kernel(name + 1), 4, 1, 128);
        LinearShape many = new LinearShape(kernels.kernel(name + 8), 4, 8, 128);
        return new CudaLinear(weight, means, new Shapes(few, many, null, null, null, null));
    }

    private static Shapes exact(DeviceMatrix weight, CudaKernels kernels) {
        String name = "tensor_" + weight.format() + "_3_";
        return new Shapes(
                new LinearShape(kernels.kernel(name + 1), 16, 8, 128),
                new LinearShape(kernels.kernel(name + 4), 32, 32, 128),
                null,
                null,
                null,
                null);
    }

    private static Shapes rounded(DeviceMatrix weight, CudaKernels kernels, @Nullable CudaMatrices matrices) {
        String name = "tensor_" + weight.format() + "_1_";
        String gated = "gated_" + weight.format() + "_1_";
        return new Shapes(
                new LinearShape(kernels.kernel(name + 1), 16, 8, 256),
                new LinearShape(kernels.kernel(name + 4), 32, 32, 128),
                new LinearShape(kernels.kernel(gated + 1), 8, 8, 256),
                new LinearShape(kernels.kernel(gated + 4), 8, 32, 128),
                kernels.kernel("pair_" + weight.format()),
                weight.format().equals("BF16") || CudaMatrices.quantizes(weight) ? matrices : null);
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

    private static LinearShape choose(LinearShape few, LinearShape many, long outputs, long groups, long rows) {
        Grid small = few.grid(outputs, groups, rows);
        return rows <= few.rows() || small.x() * small.y() * small.z() <= FEW_BLOCKS ? few : many;
    }

    /**
     * @param rows     of x that each group has, on the average
     * @param weights  2 where a companion is multiplied too
     */
    private void run(LinearShape shape, long outputs, long groups, long rows, int weights) {
        work(outputs, groups, rows, weights, launch)
                .run(shape.kernel(), shape.grid(outputs, groups, rows), shape.shared());
    }

    private Launch work(long outputs, long groups, long rows, int weights, Launch of) {
        double numbers = (double) outputs * weight.cols() * groups * weights;
        return of.work(numbers * weight.bytesOfNumber(), 2 * numbers * rows);
    }

    /** Every group's part of the weight with its head of x. */
    private void apply(int outputs, long groupRows, HeadView x, HeadView y) {
        int heads = x.heads();
        Launch arguments;
        LinearShape shape;
        CudaMatrices matrices = shapes.matrices;
        boolean many = matrices != null && CudaMatrices.suit(x.rows());
        if (matrices != null && many && quantizes() && heads == 1) {
            applyFp8(matrices, x, y);
            return;
        }
        if (matrices != null && many && !quantizes()) {
            long rounded = matrices.roundings().toBf16(x);
            Optional<Kernel> product = matrices.libraryProduct(shape(outputs, x, y), DeviceMemory.address(y, "y"));
            if (product.isPresent()) {
                work(outputs, heads, x.rows(), 1, launch.begin().put(rounded))
                        .put(weight.data())
                        .put("y", y)
                        .run(product.get(), new Grid(outputs, x.rows(), heads, 0));
                return;
            }
            arguments = begin(outputs, 0, 0, groupRows)
                    .put(rounded)
                    .put((long) heads * x.width())
                    .put((long) x.width());
            shape = matrices.plain(outputs, heads, x.rows());
        } else if (weight.inputGroup() != RoundedInput.NONE) {
            long rounded = groups.round(x, weight.inputGroup());
            arguments = begin(outputs, 0, 0, groupRows)
                    .put(rounded)
                    .put((long) heads * x.width())
                    .put((long) x.width());
            shape = choose(shapes.few, shapes.many, outputs, heads, x.rows());
        } else {
            arguments = begin(outputs, 0, 0, groupRows).put("x", x);
            shape = choose(shapes.few, shapes.many, outputs, heads, x.rows());
        }
        arguments.put("y", y).put((long) x.rows()).put(NONE).put(NONE).put(NONE);
        Kernel pair = shapes.pair;
        if (pair != null && shape.equals(shapes.few)) {
            Grid grid = shape.grid(outputs, heads, x.rows());
            work(outputs, heads, x.rows(), 1, launch)
                    .run(new Launch.Product(shape.kernel(), pair, grid, x.tensor(), y.tensor()));
        } else {
            run(shape, outputs, heads, x.rows(), 1);
        }
    }

    private boolean quantizes() {
        return CudaMatrices.quantizes(weight);
    }

    private LibraryProducts.Shape shape(int outputs, HeadView x, HeadView y) {
        return new LibraryProducts.Shape(
                weight.format(),
                outputs,
                weight.cols(),
                x.rows(),
                x.heads(),
                (long) x.heads() * x.width(),
                y.tensor().cols(),
                y.stride());
    }

    /** By the library as many rows as it takes, which is whole fours, and the others by kernels of this package. */
    private void applyFp8(CudaMatrices matrices, HeadView x, HeadView y) {
        int fours = x.rows() - x.rows() % 4;
        boolean parts = fours == x.rows() || fours >= FEW_FOURS;
        Optional<Kernel> product = parts
                ? matrices.libraryProduct(shape(weight.rows(), x.rows(0, fours), y), DeviceMemory.address(y, "y"))
                : Optional.empty();
        if (product.isEmpty()) {
            applyQuantized(matrices, x.tensor(), y.tensor());
            return;
        }
        long from = DeviceMemory.address(x, "x");
        Roundings.Quantized codes = matrices.roundings().toFp8(from, fours, x.width(), true);
        work(weight.rows(), 1, fours, 1, launch.begin().put(codes.codes()))
                .put(weight.data())
                .put("y", y)
                .put(codes.scales())
                .put(weight.scales())
                .run(product.get(), new Grid(weight.rows(), fours, 1, 0));
        if (fours < x.rows()) {
            apply(weight.rows(), 0, x.rows(fours, x.rows() - fours), y.rows(fours, x.rows() - fours));
        }
    }

    private void applyQuantized(CudaMatrices matrices, Tensor x, Tensor y) {
        Roundings.Quantized codes = matrices.roundings().toFp8(DeviceMemory.address(x, "x"), x.rows(), x.cols(), false);
        begin(weight.rows(), 0, 0, 0)
                .put(codes.codes())
                .put((long) x.cols())
                .put(0L)
                .put("y", y)
                .put((long) y.cols())
                .put(0L)
                .put((long) x.rows())
                .put(NONE)
                .put(NONE)
                .put(NONE)
                .put(codes.scales());
        run(matrices.quantized(x.rows()), weight.rows(), 1, x.rows(), 1);
    }

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
            linear.apply(rows(), 0, HeadView.of(x, 1), HeadView.of(y, 1));
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
            linear.apply(outputs, outputs, x, y);
        }
    }

    /** Assignments of rows to several weights: addresses of {@code struct Groups}' arrays; list may be 0. */
    record Assignments(long count, long starts, long list, long weights) {
        Assignments withList(long other) {
            return new Assignments(count, starts, other, weights);
        }
    }

    /**
     * Several weights of this one's shape and format, this one first.
     *
     * @param dataBytes   from one to the next
     * @param scaleCount  of each
     */
    record Series(int count, long dataBytes, long scaleCount) {}

    /** Whether {@link #experts} and {@link #join} take this companion. */
    boolean joins(CudaLinear companion) {
        return shapes.gatedFew != null
                && companion.shapes.gatedFew != null
                && weight.format().equals(companion.weight.format());
    }

    /** Whether so many rows of x are few for the whole weight. */
    boolean few(int rows) {
        return shapes.matrices == null || !CudaMatrices.suit(rows);
    }

    /** out = silu(x Wᵀ) * (x Uᵀ), U being the companion. */
    void join(CudaLinear companion, Tensor x, Tensor out) {
        begin(weight.rows(), 0, 0, 0)
                .put("x", HeadView.of(x, 1))
                .put("out", HeadView.of(out, 1))
                .put((long) x.rows())
                .put(NONE)
                .put(NONE)
                .put(NONE)
                .put(companion.weight.data())
                .put(companion.weight.scales());
        LinearShape shape = choose(require(shapes.gatedFew), require(shapes.gatedMany), weight.rows(), 1, x.rows());
        run(shape, weight.rows(), 1, x.rows(), 2);
    }

    /**
     * x for {@link #experts}, as the kernels for so many assignments take it.
     *
     * @param address  of floats (rounded where the weight wants it), BF16 numbers or FP8 codes
     * @param scales   of FP8 codes; else 0
     */
    record Input(long address, long scales) {}

    /** Whether what {@link #experts} with a companion leaves is BF16: what the next weight takes as it is. */
    boolean leavesBf16(Series series, Assignments assignments) {
        return matrices(series, assignments) != null && !quantizes();
    }

    private @Nullable CudaMatrices matrices(Series series, Assignments assignments) {
        // With fewer assignments than weights most of these would have none.
        return assignments.count > series.count ? shapes.matrices : null;
    }

    /** @param x  of floats, as wide as the weight's columns */
    Input input(Tensor x, Series series, Assignments assignments) {
        CudaMatrices matrices = matrices(series, assignments);
        if (weight.inputGroup() != RoundedInput.NONE) {
            return new Input(groups.round(HeadView.of(x, 1), weight.inputGroup()), 0);
        }
        if (matrices == null) {
            return new Input(DeviceMemory.address(x, "x"), 0);
        }
        if (quantizes()) {
            Roundings.Quantized codes =
                    matrices.roundings().toFp8(DeviceMemory.address(x, "x"), x.rows(), x.cols(), false);
            return new Input(codes.codes(), codes.scales());
        }
        return new Input(matrices.roundings().toBf16(HeadView.of(x, 1)), 0);
    }

    /**
     * One of several weights for each assignment.
     *
     * @param y          address of [assignments, outputs]; of BF16 where {@link #leavesBf16} says so
     * @param companion  null, or the weights that silu of these is multiplied by
     */
    void experts(Series series, Input x, long y, Assignments assignments, @Nullable DeviceMatrix companion) {
        boolean alone = assignments.count <= series.count;
        long groups = alone ? assignments.count : series.count;
        // As if all had equally many; a block with more goes on.
        long each = alone ? 1 : Math.ceilDiv(assignments.count, series.count);
        Launch arguments = begin(weight.rows(), series.dataBytes, series.scaleCount, 0)
                .put(x.address)
                .put((long) weight.cols())
                .put(0L)
                .put(y)
                .put((long) weight.rows())
                .put(0L)
                .put(0L)
                .put(assignments.starts)
                .put(assignments.list)
                .put(alone ? assignments.weights : NONE);
        if (x.scales != 0) {
            arguments.put(x.scales);
        }
        if (companion != null) {
            arguments.put(companion.data()).put(companion.scales());
        }
        LinearShape shape = shape(matrices(series, assignments), companion != null, groups, each);
        run(shape, weight.rows(), groups, each, companion != null ? 2 : 1);
    }

    private LinearShape shape(@Nullable CudaMatrices matrices, boolean gated, long groups, long each) {
        int outputs = weight.rows();
        if (matrices != null && quantizes()) {
            return gated ? matrices.quantizedGated(each) : matrices.quantized(each);
        }
        if (matrices != null) {
            return gated ? matrices.gated(outputs, groups, each) : matrices.plain(outputs, groups, each);
        }
        return gated
                ? choose(require(shapes.gatedFew), require(shapes.gatedMany), outputs, groups, each)
                : choose(shapes.few, shapes.many, outputs, groups, each);
    }

    private static LinearShape require(@Nullable LinearShape shape) {
        if (shape == null) {
            throw new IllegalStateException("this weight takes no companion");
        }
        return shape;
    }
}
