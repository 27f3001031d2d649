package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelContractTest;
import dev.fathom.kernels.OnDevice;
import org.junit.jupiter.api.Tag;

/** The contract on the GPU; where none is, on a stand-in behind the same copies. */
@Tag("slow")
class CudaBackendTest extends KernelContractTest {
    @Override
    protected KernelBackend backend(int threads) {
        return new OnDevice(TestDevice.open(threads));
    }
}
