package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KeyIndexContract;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class Avx512KeyIndexTest extends KeyIndexContract {
    @Override
    protected KernelBackend backend(int threads) {
        return TestKernels.open(CpuTarget.AVX512, threads);
    }
}
