package dev.fathom.kernels.cuda;

import dev.fathom.kernels.GpuOptions;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.vector.VectorBackend;
import java.nio.file.Path;

/** The GPU for tests, its kernels compiled once for each build folder. */
public final class TestDevice {
    private static final KernelCache CACHE = new KernelCache(Path.of("target", "kernel-cache"));

    private TestDevice() {}

    /** The GPU's backend with the reference's numbers; where no GPU is, the backend that a server would take then. */
    public static KernelBackend open(int threads) {
        return open(threads, GpuOptions.EXACT);
    }

    public static KernelBackend open(int threads, GpuOptions options) {
        try {
            return CudaBackend.open(CACHE, options, System.out::print);
        } catch (KernelException e) {
            System.out.println("No GPU here, the vector backend stands in: " + e.getMessage());
            return new VectorBackend(threads);
        }
    }
}
