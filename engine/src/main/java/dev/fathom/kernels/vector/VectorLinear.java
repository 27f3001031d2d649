package dev.fathom.kernels.vector;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Linear maps, split over weight rows. */
record VectorLinear(WeightTiles weight, VectorTeam team) implements LinearKernel {
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
        int m = x.rows();
        Strided in = Strided.of(x);
        Strided out = Strided.of(y);
        long work = (long) m * rows() * cols();
        int size = team.rowsPerUnit(rows(), BlockProduct.OUTPUTS);
        int units = Math.ceilDiv(rows(), size);
        if (!BlockProduct.packs(weight, m)) {
            // A panel of height 1 is the row itself.
            Strided row = weight.roundsInput() ? new Strided(packed(in, 1), 0, 0) : in;
            team.run(units, work, (unit, workspace) -> {
                int from = unit * size;
                BlockProduct.single(weight, from, Math.min(rows(), from + size), row, out.from(0, from), workspace);
            });
            return;
        }
        MemorySegment panels = packed(in, m);
        team.run(units, work, (unit, workspace) -> {
            int from = unit * size;
            BlockProduct.packed(weight, from, Math.min(rows(), from + size), panels, m, out.from(0, from), workspace);
        });
    }

    private MemorySegment packed(Strided x, int m) {
        MemorySegment panels = team.shared(Panels.bytes(m, cols()));
        int size = team.rowsPerUnit(m, Tiles.HEIGHT);
        team.run(Math.ceilDiv(m, size), (long) m * cols(), (unit, workspace) -> {
            int from = unit * size;
            Panels.pack(x, cols(), from, Math.min(m, from + size), m, panels, weight.inputGroup());
        });
        return panels;
    }

    /** One map per head, split over heads. */
    record PerHead(WeightTiles stacked, int heads, VectorTeam team) implements HeadsKernel {
        @Override
        public void apply(HeadView x, HeadView y) {
            int outputs = stacked.rows() / heads;
            int inputs = stacked.cols();
            OpShapes.heads(heads, outputs, inputs, x, y);
            int m = x.rows();
            team.run(heads, (long) m * stacked.rows() * inputs, (head, workspace) -> {
                int from = head * outputs;
                Strided in = Strided.ofHead(x, head);
                Strided out = Strided.ofHead(y, head);
                MemorySegment panels = workspace.rows.atLeast(Panels.bytes(m, inputs));
                if (BlockProduct.packs(stacked, m)) {
                    Panels.pack(in, inputs, 0, m, m, panels, stacked.inputGroup());
                    BlockProduct.packed(stacked, from, from + outputs, panels, m, out, workspace);
                } else if (stacked.roundsInput()) {
                    Panels.pack(in, inputs, 0, 1, 1, panels, stacked.inputGroup());
                    BlockProduct.single(stacked, from, from + outputs, new Strided(panels, 0, 0), out, workspace);
                } else {
                    BlockProduct.single(stacked, from, from + outputs, in, out, workspace);
                }
            });
        }
    }
}
