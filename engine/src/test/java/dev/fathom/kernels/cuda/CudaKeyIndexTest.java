package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KeyIndexContract;
import dev.fathom.kernels.OnDevice;
import org.junit.jupiter.api.Tag;

/** The index of keys on the GPU; where none is, on a stand-in behind the same copies. */
@Tag("slow")
class CudaKeyIndexTest extends KeyIndexContract {
    @Override
    protected KernelBackend backend(int threads) {
        return new OnDevice(TestDevice.open(threads));
    }
}
