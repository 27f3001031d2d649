package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.vector.VectorBackend;
import java.nio.file.Path;
import java.util.List;

/** The C backend for tests, compiled once for each build folder. */
public final class TestKernels {
    private static final KernelCache CACHE = new KernelCache(Path.of("target", "kernel-cache"));

    private TestKernels() {}

    /**
     * The kernels of a target, or of the widest one that runs here. Where C kernels cannot be had, the backend that a server
     * would take then.
     */
    public static KernelBackend open(CpuTarget wanted, int threads) {
        List<CpuTarget> running = CpuTarget.running(CpuTarget.CPU_INFO);
        try {
            CpuTarget target = running.contains(wanted) ? wanted : CKernels.target(CpuTarget.CPU_INFO);
            return CBackend.open(CACHE, target, threads, System.out::print);
        } catch (KernelException e) {
            System.out.println("The vector backend stands in: " + e.getMessage());
            return new VectorBackend(threads);
        }
    }
}
