package dev.fathom.kernels.cuda;

import dev.fathom.kernels.GpuOptions;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelContractTest;
import dev.fathom.kernels.OnDevice;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import org.junit.jupiter.api.Tag;

/** The contract on the GPU with x rounded to BF16, as a server takes it; where none is, on a stand-in behind the same copies. */
@Tag("slow")
class CudaRoundingTest extends KernelContractTest {
    private boolean device;

    @Override
    protected KernelBackend backend(int threads) {
        KernelBackend backend = TestDevice.open(threads, GpuOptions.USUAL);
        device = backend instanceof CudaBackend;
        return new OnDevice(backend);
    }

    @Override
    protected boolean roundsToBf16(WeightMatrix weight) {
        boolean bf16 = weight instanceof Bf16Matrix && weight.cols() % 64 == 0;
        boolean fp8 = weight instanceof Fp8BlockMatrix blocks && blocks.blockCols() == 128 && weight.cols() % 128 == 0;
        return device && (bf16 || fp8);
    }

    /** Many rows meet FP8 weights as FP8; small numbers beside a large one lose more than the mean does. */
    @Override
    protected double inputRounding(WeightMatrix weight) {
        return roundsToBf16(weight) && weight instanceof Fp8BlockMatrix ? 0x1p-4 : 0;
    }

    @Override
    protected boolean sameBitsInABatch() {
        return !device;
    }

    @Override
    protected double attentionRounding() {
        return device ? 0x1p-8 : 0;
    }
}
