package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.DummyWeights;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.cuda.CudaBackend;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** How fast this machine reads weights of a format, and how fast it multiplies with them: measured with the kernels that will serve. */
public final class MachineProbe {
    private static final int ROWS = 4096;
    private static final int COLS = 4096;
    /** More than a processor's caches hold. */
    private static final int MATRICES = 8;

    private static final int BATCH = 256;
    private static final double SECONDS = 0.5;
    private static final int LEAST_ROUNDS = 3;

    /**
     * @param bytesPerSecond  of weights, one row of input
     * @param flopsPerSecond  many rows of input; a multiply-add counts two
     * @param memoryBytes     of a GPU; empty where the machine's counts
     * @param backend         whose kernels were measured
     */
    public record Speed(double bytesPerSecond, double flopsPerSecond, OptionalLong memoryBytes, String backend) {}

    private MachineProbe() {}

    /** Whether {@code auto} would look for a GPU here. */
    public static boolean hasGpu() {
        return CudaBackend.driverThere();
    }

    /**
     * Takes a few seconds.
     *
     * @param options   name the backend
     * @param config    a model's, for the format it is published in
     * @throws CheckpointException if the backend cannot be had, or does not serve the format
     */
    public static Speed measure(LoadOptions options, HfConfig config, PlanFormat format, LoadProgress progress) {
        try (KernelBackend kernels = Backends.open(options, progress);
                DummyWeights weights = format.weights(config);
                StepScratch scratch = new StepScratch(1 << 20, kernels::allocate)) {
            List<LinearKernel> linear = new ArrayList<>();
            long bytes = 0;
            for (int i = 0; i < MATRICES; i++) {
                var matrix = weights.matrix("layers." + i + ".o_proj.weight", ROWS, COLS);
                bytes += matrix.bytes();
                linear.add(kernels.bind(matrix));
                progress.advance(i + 1, MATRICES + 2);
            }
            double read = seconds(linear, kernels, scratch, 1);
            progress.advance(MATRICES + 1, MATRICES + 2);
            double multiplied = seconds(linear, kernels, scratch, BATCH);
            progress.advance(MATRICES + 2, MATRICES + 2);
            double flops = 2.0 * BATCH * ROWS * COLS * MATRICES;
            return new Speed(bytes / read, flops / multiplied, kernels.memoryBytes(), kernels.name());
        }
    }

    /** The median pass over all matrices, after one that warms up: the fastest promises too much where others use the machine too. */
    private static double seconds(List<LinearKernel> linear, KernelBackend kernels, StepScratch scratch, int rows) {
        scratch.reset();
        Tensor x = scratch.f32(rows, COLS);
        Tensor y = scratch.f32(rows, ROWS);
        kernels.fill(x, 0.5f);
        List<Double> passes = new ArrayList<>();
        long began = System.nanoTime();
        for (int round = 0; round <= LEAST_ROUNDS || System.nanoTime() - began < SECONDS * 1e9; round++) {
            long start = System.nanoTime();
            for (LinearKernel kernel : linear) {
                kernel.apply(x, y);
            }
            kernels.download(y); // a device has finished then
            if (round > 0) {
                passes.add((System.nanoTime() - start) / 1e9);
            }
        }
        return passes.stream().sorted().toList().get(passes.size() / 2);
    }
}
