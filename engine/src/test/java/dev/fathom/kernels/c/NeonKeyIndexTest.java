package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KeyIndexContract;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class NeonKeyIndexTest extends KeyIndexContract {
    @Override
    protected KernelBackend backend(int threads) {
        return TestKernels.open(CpuTarget.NEON, threads);
    }
}
