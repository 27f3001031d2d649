package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.vector.VectorBackend;
import java.nio.file.Path;

/** The GPU for tests, its kernels compiled once for each build folder. */
public final class TestDevice {
    private static final KernelCache CACHE = new KernelCache(Path.of("target", "kernel-cache"));

    private TestDevice() {}

    /** The GPU's backend; where no GPU is, the backend that a server would take then. */
    public static KernelBackend open(int threads) {
        try {
            return CudaBackend.open(CACHE, System.out::print);
        } catch (KernelException e) {
            System.out.println("No GPU here, the vector backend stands in: " + e.getMessage());
            return new VectorBackend(threads);
        }
    }
}
