package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.kernels.CpuBinding;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.c.CBackend;
import dev.fathom.kernels.c.CKernels;
import dev.fathom.kernels.c.CpuTarget;
import dev.fathom.kernels.cuda.CudaBackend;
import dev.fathom.kernels.scalar.ScalarBackend;
import dev.fathom.kernels.vector.VectorBackend;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Kernel backends by the names {@link LoadOptions#kernelBackend} takes. */
final class Backends {
    private static final String VECTOR_MODULE = "jdk.incubator.vector";

    private Backends() {}

    static KernelBackend open(LoadOptions options, LoadProgress progress) {
        Path cache = options.kernelCache();
        CpuBinding binding = options.cpuBinding();
        int threads = threads(options);
        return switch (options.kernelBackend()) {
            case "auto" -> anyDevice(options, threads, progress);
            case "cpu" -> best(cache, threads, binding, progress);
            case "cuda" -> {
                if (cache == null) {
                    throw new CheckpointException("--device cuda needs a folder for compiled kernels: give"
                            + " --kernel-cache-dir, or set FATHOM_CACHE_DIR or HOME.");
                }
                try {
                    yield CudaBackend.open(new KernelCache(cache), options.cuda(), progress::say);
                } catch (KernelException e) {
                    throw new CheckpointException(
                            "--device cuda cannot be had: " + e.getMessage() + "; use --device cpu.", e);
                }
            }
            case "c" -> {
                requireVector("c");
                if (cache == null) {
                    throw new CheckpointException("--kernel-backend c needs a folder for compiled kernels: give"
                            + " --kernel-cache-dir, or set FATHOM_CACHE_DIR or HOME.");
                }
                try {
                    yield openC(cache, threads, binding, progress);
                } catch (KernelException e) {
                    throw new CheckpointException("--kernel-backend c cannot be had: " + e.getMessage() + ".", e);
                }
            }
            case "vector" -> {
                requireVector("vector");
                yield new VectorBackend(threads, binding);
            }
            case "scalar" -> new ScalarBackend(threads, binding);
            default ->
                throw new CheckpointException("There is no kernel backend named \"" + options.kernelBackend()
                        + "\"; give auto, cpu, cuda, c, vector or scalar.");
        };
    }

    private static int threads(LoadOptions options) {
        List<Integer> processors = options.cpuBinding().processors();
        try {
            options.cpuBinding().requireAllowed();
        } catch (KernelException e) {
            throw new CheckpointException("Kernel threads cannot be bound: " + e.getMessage() + ".", e);
        }
        if (options.threads() > processors.size() && !processors.isEmpty()) {
            throw new CheckpointException("--threads " + options.threads() + " needs as many processors to be bound to,"
                    + " and " + processors + " are given.");
        }
        if (options.threads() > 0) {
            return options.threads();
        }
        return processors.isEmpty() ? Runtime.getRuntime().availableProcessors() : processors.size();
    }

    /** The GPU where there is one; if it cannot be used, one line says why. */
    private static KernelBackend anyDevice(LoadOptions options, int threads, LoadProgress progress) {
        Path cache = options.kernelCache();
        CpuBinding binding = options.cpuBinding();
        if (cache == null || !CudaBackend.driverThere()) {
            return best(cache, threads, binding, progress);
        }
        try {
            return CudaBackend.open(new KernelCache(cache), options.cuda(), progress::say);
        } catch (KernelException e) {
            progress.say("No GPU, the CPU serves: " + e.getMessage() + ".\n");
            return best(cache, threads, binding, progress);
        }
    }

    private static KernelBackend best(@Nullable Path cache, int threads, CpuBinding binding, LoadProgress progress) {
        if (!vectorThere()) {
            return new ScalarBackend(threads, binding);
        }
        if (cache == null) {
            return new VectorBackend(threads, binding);
        }
        try {
            return openC(cache, threads, binding, progress);
        } catch (KernelException e) {
            progress.say("No C kernels, the Java Vector API serves: " + e.getMessage() + ".\n");
            return new VectorBackend(threads, binding);
        }
    }

    /** The widest target's kernels; a narrower one's where an old compiler or a prepared folder does not have those. */
    private static KernelBackend openC(Path cache, int threads, CpuBinding binding, LoadProgress progress) {
        KernelException first = null;
        for (CpuTarget target : CKernels.targets(CpuTarget.CPU_INFO)) {
            try {
                return CBackend.open(new KernelCache(cache), target, threads, binding, progress::say);
            } catch (KernelException e) {
                first = first == null ? e : first;
            }
        }
        throw Objects.requireNonNull(first);
    }

    private static void requireVector(String name) {
        if (!vectorThere()) {
            throw new CheckpointException("--kernel-backend " + name + " needs the JVM flag --add-modules="
                    + VECTOR_MODULE + "; the fathom launcher passes it.");
        }
    }

    private static boolean vectorThere() {
        return ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
    }
}
