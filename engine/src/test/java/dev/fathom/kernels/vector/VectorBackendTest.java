package dev.fathom.kernels.vector;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelContractTest;

class VectorBackendTest extends KernelContractTest {
    @Override
    protected KernelBackend backend(int threads) {
        return new VectorBackend(threads);
    }
}
