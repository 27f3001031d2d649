package dev.fathom.model.deepseek;

import dev.fathom.kernels.GpuOptions;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.c.CpuTarget;
import dev.fathom.kernels.c.TestKernels;
import dev.fathom.kernels.cuda.TestDevice;
import dev.fathom.kernels.scalar.ScalarBackend;
import dev.fathom.kernels.vector.VectorBackend;

/** The backends that every golden is run on, by name. */
final class Backends {
    private static final int THREADS = 2;

    private Backends() {}

    static KernelBackend open(String name) {
        return switch (name) {
            case "scalar" -> new ScalarBackend(THREADS);
            case "vector" -> new VectorBackend(THREADS);
            case "c" -> TestKernels.open(CpuTarget.AVX512, THREADS);
            case "c-avx2" -> TestKernels.open(CpuTarget.AVX2, THREADS);
            case "c-bf16" -> TestKernels.open(CpuTarget.AVX512_BF16, THREADS);
            case "cuda" -> TestDevice.open(THREADS);
            case "cuda-rounding" -> TestDevice.open(THREADS, GpuOptions.USUAL);
            case "cuda-without-graphs" -> TestDevice.open(THREADS, GpuOptions.EXACT.withMostGraphRows(0));
            default -> throw new IllegalArgumentException("no backend " + name);
        };
    }
}
