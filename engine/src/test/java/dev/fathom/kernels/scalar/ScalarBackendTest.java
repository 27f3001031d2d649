package dev.fathom.kernels.scalar;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelContractTest;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class ScalarBackendTest extends KernelContractTest {
    @Override
    protected KernelBackend backend(int threads) {
        return new ScalarBackend(threads);
    }
}
