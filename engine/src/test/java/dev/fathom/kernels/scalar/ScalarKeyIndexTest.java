package dev.fathom.kernels.scalar;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KeyIndexContract;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class ScalarKeyIndexTest extends KeyIndexContract {
    @Override
    protected KernelBackend backend(int threads) {
        return new ScalarBackend(threads);
    }
}
