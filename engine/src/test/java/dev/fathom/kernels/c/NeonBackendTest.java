package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelContractTest;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class NeonBackendTest extends KernelContractTest {
    @Override
    protected KernelBackend backend(int threads) {
        return TestKernels.open(CpuTarget.NEON, threads);
    }
}
