package dev.fathom.kernels.scalar;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelContractTest;

class ScalarBackendTest extends KernelContractTest {
    @Override
    protected KernelBackend backend(int threads) {
        return new ScalarBackend(threads);
    }
}
