package dev.fathom.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Chooses the kernels of weights when they are bound. */
final class CudaWeights {
    private final CudaDevice device;
    private final Means means;
    private final MemorySegment found;

    private final RoundedGroups groups;
    private final boolean rounding;
    private final @Nullable CudaMatrices matrices;

    /**
     * What the kernels of weights are made with.
     *
     * @param library  null where the machine has none
     */
    record Means(
            CudaKernels kernels,
            Launch launch,
            Staging staging,
            CudaRows rows,
            Roundings roundings,
            @Nullable LibraryProducts library) {}

    /** @param rounding  whether x may be rounded to BF16 */
    CudaWeights(CudaDevice device, Means means, boolean rounding) {
        this.device = device;
        this.means = means;
        groups = new RoundedGroups(device, means.rows);
        this.rounding = rounding;
        matrices = rounding
                ? CudaMatrices.of(device, means.kernels, means.roundings, means.library)
                        .orElse(null)
                : null;
        found = device.allocate(Integer.BYTES);
    }

    /** @param count  weights like the first, one behind the other */
    CudaLinear linear(DeviceMatrix first, int count) {
        boolean candidate = first.withNan(false).forTensorCores();
        boolean hasNan = candidate && first.format().equals("FP8") && hasNan(first, count);
        return CudaLinear.of(
                first.withNan(hasNan), new CudaLinear.Means(means.kernels, means.launch, groups, rounding, matrices));
    }

    /** NaN in FP8 says that a weight is broken; it is multiplied by kernels that pass it on. */
    private boolean hasNan(DeviceMatrix first, int count) {
        long codes = (long) first.rows() * first.cols() * count;
        device.enter();
        device.driver().zeroLater(found.address(), Integer.BYTES, device.stream());
        means.launch
                .begin()
                .put(first.data())
                .put(codes)
                .put(found.address())
                .run(means.kernels.kernel("find_nan"), Grid.numbers(codes));
        return means.staging.fetch(found.address(), Integer.BYTES).get(ValueLayout.JAVA_INT, 0) != 0;
    }
}
