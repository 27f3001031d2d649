package dev.fathom.kernels.vector;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KeyIndexContract;

class VectorKeyIndexTest extends KeyIndexContract {
    @Override
    protected KernelBackend backend(int threads) {
        return new VectorBackend(threads);
    }
}
