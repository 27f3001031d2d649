package dev.fathom.kernels.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The kernels of matrix.cu, for x rounded to BF16 beforehand: which of them fits how many rows. */
final class CudaMatrices {
    /** wgmma is of this chip alone. */
    private static final int CAPABILITY = 90;

    /** Up to so many rows the kernels that take x as it is are faster. */
    private static final int FEW_ROWS = 8;

    private static final int[] SMALL = {16, 32, 64, 128};
    private static final int STAGE_BYTES = 128;
    private static final int ALIGNMENT = 1024;

    private final Roundings roundings;
    private final @Nullable LibraryProducts library;
    private final int multiprocessors;
    private final List<LinearShape> small = new ArrayList<>();
    private final List<LinearShape> split = new ArrayList<>();
    private final List<LinearShape> smallGated = new ArrayList<>();
    private final LinearShape large;
    private final LinearShape largeGated;
    private final List<LinearShape> quantized;
    private final List<LinearShape> quantizedGated;

    private CudaMatrices(
            CudaDevice device, CudaKernels kernels, Roundings roundings, @Nullable LibraryProducts library) {
        this.roundings = roundings;
        this.library = library;
        multiprocessors = device.multiprocessors();
        for (int n : SMALL) {
            small.add(shape(kernels, "matrix_small_", n, 64, 1));
            split.add(split(kernels, n));
            if (n <= 64) {
                smallGated.add(shape(kernels, "gated_matrix_small_", n, 128, 1));
            }
        }
        large = shape(kernels, "matrix_large_", 128, 256, 2);
        LinearShape gated = shape(kernels, "gated_matrix_large_", 128, 256, 2);
        largeGated = new LinearShape(gated.kernel(), 128, 128, gated.threads(), gated.shared());
        quantized = List.of(
                quantized(kernels, "quantized_", 128, 32, 5),
                quantized(kernels, "quantized_", 128, 64, 8),
                quantized(kernels, "quantized_", 128, 128, 6));
        quantizedGated = List.of(
                quantized(kernels, "quantized_gated_", 256, 32, 3), quantized(kernels, "quantized_gated_", 256, 64, 4));
        smallGated.replaceAll(s -> new LinearShape(s.kernel(), 64, s.rows(), s.threads(), s.shared()));
    }

    /** @param library  null where the machine has none */
    static Optional<CudaMatrices> of(
            CudaDevice device, CudaKernels kernels, Roundings roundings, @Nullable LibraryProducts library) {
        return device.capability() == CAPABILITY
                ? Optional.of(new CudaMatrices(device, kernels, roundings, library))
                : Optional.empty();
    }

    /** As matrix.cu has it: stages of weight rows and rows of x. */
    private static LinearShape shape(CudaKernels kernels, String name, int n, int weightRows, int groups) {
        // Of a few rows so many that two blocks fit on a multiprocessor.
        int stages = n > 32 ? 4 : n * weightRows > 32 * 64 ? 5 : 6;
        long shared = ALIGNMENT + (long) stages * (weightRows + n) * STAGE_BYTES;
        return new LinearShape(kernels.kernel(name + n, shared), weightRows, n, 128 * groups, shared);
    }

    /** As quantized.cu has it: beside the rows of a stage lie the scales of x. All have 128 outputs. */
    private static LinearShape quantized(CudaKernels kernels, String name, int weightRows, int n, int stages) {
        long shared = ALIGNMENT + (long) stages * ((weightRows + n) * STAGE_BYTES + 4 * n);
        return new LinearShape(kernels.kernel(name + n, shared), 128, n, 256, shared);
    }

    private static LinearShape split(CudaKernels kernels, int n) {
        int parts = n <= 64 ? 4 : 2;
        int stages = n == 64 ? 3 : 4;
        long shared = ALIGNMENT + (long) parts * stages * (64 + n) * STAGE_BYTES;
        return new LinearShape(kernels.kernel("matrix_split_" + n, shared), 64, n, 128 * parts, shared);
    }

    /** Whether so many rows of x are many enough. */
    static boolean suit(long count) {
        return count > FEW_ROWS;
    }

    LinearShape plain(long outputs, long groups, long count) {
        boolean fewBlocks = Math.ceilDiv(outputs, 64L) * groups < 2L * multiprocessors;
        return choose(fewBlocks ? split : small, large, outputs, groups, count);
    }

    /** @param count  rows of each group, if all had equally many */
    LinearShape gated(long outputs, long groups, long count) {
        return choose(smallGated, largeGated, outputs, groups, count);
    }

    private LinearShape choose(List<LinearShape> smaller, LinearShape larger, long outputs, long groups, long count) {
        Grid grid = larger.grid(outputs, groups, count);
        if (count > 64 && grid.x() * grid.y() * grid.z() >= multiprocessors) {
            return larger;
        }
        // Groups differ in size, by the root of it: one with more rows than a block takes reads its weight again.
        long room = groups > 1 ? count + Math.round(1.5 * Math.sqrt((double) count)) : count;
        return smaller.stream()
                .filter(shape -> shape.rows() >= room)
                .findFirst()
                .orElse(smaller.getLast());
    }

    /** Whether the kernels of quantized.cu can multiply a weight. */
    static boolean quantizes(DeviceMatrix weight) {
        return weight.format().equals("FP8") && weight.blockRows() == 128 && weight.blockCols() == 128;
    }

    /** @param count  rows of each group, if all had equally many */
    LinearShape quantized(long count) {
        return holding(quantized, count);
    }

    LinearShape quantizedGated(long count) {
        return holding(quantizedGated, count);
    }

    private static LinearShape holding(List<LinearShape> shapes, long count) {
        return shapes.stream()
                .filter(shape -> shape.rows() >= count)
                .findFirst()
                .orElse(shapes.getLast());
    }

    /** NVIDIA's kernel for a product, where the machine has its library and that has one. */
    Optional<Kernel> libraryProduct(LibraryProducts.Shape shape, long y) {
        return library == null ? Optional.empty() : library.product(shape, y);
    }

    Roundings roundings() {
        return roundings;
    }
}
