package dev.fathom.kernels.cuda;

import dev.fathom.kernels.GatedKernel;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;

/** Two weights, multiplied and joined in one launch for few rows, in three for many. */
final class CudaGated implements GatedKernel {
    private final CudaLinear gate;
    private final CudaLinear up;
    private final LinearKernel first;
    private final LinearKernel second;
    private final CudaRows rows;
    private final Roundings roundings;

    CudaGated(CudaLinear gate, CudaLinear up, CudaRows rows, Roundings roundings) {
        this.gate = gate;
        this.up = up;
        first = gate.plain();
        second = up.plain();
        this.rows = rows;
        this.roundings = roundings;
    }

    @Override
    public void apply(Tensor x, Tensor out, StepScratch scratch) {
        OpShapes.linear(first.rows(), first.cols(), x, out);
        if (gate.joins(up) && gate.few(x.rows())) {
            gate.join(up, x, out);
            return;
        }
        long mark = scratch.mark();
        Tensor raised = scratch.f32(out.rows(), out.cols());
        first.apply(x, out);
        second.apply(x, raised);
        long rounded = roundings.beside(out);
        rows.siluMul(out, raised, out, rounded);
        roundings.keep(out, rounded);
        scratch.release(mark);
    }
}
