package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelContractTest;
import dev.fathom.tensor.WeightMatrix;
import org.junit.jupiter.api.Tag;

/** On a processor without matrix tiles, the kernels of the widest target that runs there. */
@Tag("slow")
class AmxBackendTest extends KernelContractTest {
    private boolean tiles;

    @Override
    protected KernelBackend backend(int threads) {
        KernelBackend backend = TestKernels.open(CpuTarget.AMX, threads);
        tiles = backend instanceof CBackend c && c.tiles();
        return backend;
    }

    @Override
    protected boolean roundsToBf16(WeightMatrix weight) {
        return tiles && WeightStruct.serves(weight) && WeightStruct.input(weight, true) == WeightStruct.Input.PAIRS;
    }
}
