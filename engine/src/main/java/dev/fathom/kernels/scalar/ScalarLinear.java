package dev.fathom.kernels.scalar;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;

/** Linear maps: y = x Wᵀ with double sums rounded once; FP8 weights are decoded to float32 (value * scale) first. */
record ScalarLinear(WeightMatrix weight, ScalarTeam team) implements LinearKernel {
    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int cols() {
        return weight.cols();
    }

    @Override
    public void apply(Tensor x, Tensor y) {
        OpShapes.linear(rows(), cols(), x, y);
        Rows xRows = Rows.of(x);
        team.run(team.parts(rows(), (long) x.rows() * rows() * cols()), (part, parts) -> {
            int from = ScalarTeam.share(rows(), part, parts);
            int to = ScalarTeam.share(rows(), part + 1, parts);
            float[] buffer = team.floats(part, WeightRows.BLOCK * cols());
            Rows yRows = new Rows(y.data(), 4L * from, 4L * y.cols());
            WeightRows.multiply(weight, from, to, buffer, xRows, yRows, x.rows());
        });
    }

    /** One map per head, over the same worker team. */
    record PerHead(WeightMatrix stacked, int heads, ScalarTeam team) implements HeadsKernel {
        @Override
        public void apply(HeadView x, HeadView y) {
            int outputs = stacked.rows() / heads;
            OpShapes.heads(heads, outputs, stacked.cols(), x, y);
            team.run(team.parts(heads, (long) x.rows() * stacked.rows() * stacked.cols()), (part, parts) -> {
                float[] buffer = team.floats(part, WeightRows.BLOCK * stacked.cols());
                for (int head = ScalarTeam.share(heads, part, parts);
                        head < ScalarTeam.share(heads, part + 1, parts);
                        head++) {
                    WeightRows.multiply(
                            stacked,
                            head * outputs,
                            (head + 1) * outputs,
                            buffer,
                            Rows.ofHead(x, head),
                            Rows.ofHead(y, head),
                            x.rows());
                }
            });
        }
    }
}
