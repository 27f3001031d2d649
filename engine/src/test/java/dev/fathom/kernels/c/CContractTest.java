package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelContractTest;
import dev.fathom.tensor.WeightMatrix;

/** The contract of one target; on a processor that does not run it, of the widest target that runs there. */
abstract class CContractTest extends KernelContractTest {
    private Bf16Products products = Bf16Products.FLOATS;

    abstract CpuTarget target();

    @Override
    protected KernelBackend backend(int threads) {
        KernelBackend backend = TestKernels.open(target(), threads);
        products = backend instanceof CBackend c ? c.products() : Bf16Products.FLOATS;
        return backend;
    }

    /** What compiled kernels say of themselves: another target may have stood in. */
    @Override
    protected boolean roundsToBf16(WeightMatrix weight) {
        return WeightStruct.serves(weight) && WeightStruct.input(weight, products) == WeightStruct.Input.PAIRS;
    }
}
