package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The kernels of matrix.cu, for x rounded to BF16 beforehand: which of them fits how many rows. */
final class CudaMatrices {
    /** wgmma is of this chip alone. */
    private static final int CAPABILITY = 90;

    /** Up to so many rows the kernels that take x as it is are faster. */
    private static final int FEW_ROWS = 8;

    private static final int[] SMALL = {16, 32, 64, 128};
    private static final int STAGE_BYTES = 128;
    private static final int ALIGNMENT = 1024;

    private final CudaRows rows;
    private final int multiprocessors;
    private final Workspace rounded;
    private final List<LinearShape> small = new ArrayList<>();
    private final List<LinearShape> split = new ArrayList<>();
    private final List<LinearShape> smallGated = new ArrayList<>();
    private final LinearShape large;
    private final LinearShape largeGated;
    private final LinearShape quantizedFew;
    private final LinearShape quantizedMany;
    private final LinearShape quantizedGated;

    private CudaMatrices(CudaDevice device, CudaKernels kernels, CudaRows rows) {
        this.rows = rows;
        multiprocessors = device.multiprocessors();
        rounded = new Workspace(device);
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
        quantizedFew = quantized(kernels, "quantized_64", 128, 64, 8);
        quantizedMany = quantized(kernels, "quantized_128", 128, 128, 6);
        quantizedGated = quantized(kernels, "quantized_gated", 256, 64, 4);
        smallGated.replaceAll(s -> new LinearShape(s.kernel(), 64, s.rows(), s.threads(), s.shared()));
    }

    static Optional<CudaMatrices> of(CudaDevice device, CudaKernels kernels, CudaRows rows) {
        return device.capability() == CAPABILITY
                ? Optional.of(new CudaMatrices(device, kernels, rows))
                : Optional.empty();
    }

    /** As matrix.cu has it: stages of weight rows and rows of x. */
    private static LinearShape shape(CudaKernels kernels, String name, int n, int weightRows, int groups) {
        int stages = n <= 32 ? 6 : 4;
        long shared = ALIGNMENT + (long) stages * (weightRows + n) * STAGE_BYTES;
        return new LinearShape(kernels.kernel(name + n, shared), weightRows, n, 128 * groups, shared);
    }

    /** As quantized.cu has it: beside the rows of a stage lie the scales of x. All have 128 outputs. */
    private static LinearShape quantized(CudaKernels kernels, String name, int weightRows, int n, int stages) {
        long shared = ALIGNMENT + (long) stages * ((weightRows + n) * STAGE_BYTES + 4 * n);
        return new LinearShape(kernels.kernel(name, shared), 128, n, 256, shared);
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
        // Groups differ in size: three quarters of the room is what an average one should need.
        long room = groups > 1 ? count + count / 3 : count;
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
        return count <= quantizedFew.rows() ? quantizedFew : quantizedMany;
    }

    LinearShape quantizedGated() {
        return quantizedGated;
    }

    /**
     * Rows of x as FP8.
     *
     * @param codes   address of [rows, width]
     * @param scales  address of [rows, width / 128] floats
     */
    record Quantized(long codes, long scales) {}

    /**
     * Valid until the next call.
     *
     * @param x  address of [count, width] floats
     */
    Quantized quantize(long x, long count, long width) {
        long at = rounded.take(count * width + 4 * count * (width / 128));
        Quantized result = new Quantized(at, at + count * width);
        rows.toFp8(x, width, count, result.codes, result.scales);
        return result;
    }

    /** Address of BF16 numbers [rows, heads, width]; valid until the next call. */
    long round(HeadView x) {
        long at = rounded.take(2L * x.rows() * x.heads() * x.width());
        rows.toBf16(x, at);
        return at;
    }
}
