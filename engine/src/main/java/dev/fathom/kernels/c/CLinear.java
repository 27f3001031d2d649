package dev.fathom.kernels.c;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A linear map of FP8 blocks, split over weight rows. */
final class CLinear implements LinearKernel {
    // struct linear of linear.c, in bytes
    private static final long WEIGHT = 8;
    private static final long X = WEIGHT + Fp8Struct.BYTES;
    private static final long ROWS_OF_X = X + 8;
    private static final long PANELS = X + 16;
    private static final long Y = X + 24;
    private static final long UNIT = X + 32;
    private static final long WORKSPACES = X + 40;
    private static final long BYTES = X + 48;

    private final Fp8BlockMatrix weight;
    private final CLibrary library;
    private final CTeam team;
    private final MemorySegment struct;

    CLinear(Fp8BlockMatrix weight, CLibrary library, CTeam team) {
        this.weight = weight;
        this.library = library;
        this.team = team;
        struct = team.allocate(BYTES);
    }

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
        if (m == 0) {
            return;
        }
        int unit = team.rowsPerUnit(rows());
        // Written each time, so that a weight whose arena is closed is noticed.
        Fp8Struct.write(weight, struct, WEIGHT);
        set(X, CTeam.address(x, "x"));
        set(ROWS_OF_X, m);
        set(Y, CTeam.address(y, "y"));
        set(UNIT, unit);
        set(WORKSPACES, team.workspaces().address());
        if (m > 1) {
            set(PANELS, team.panels(m, cols()).address());
            team.run(library.pack(), struct, m, (long) m * cols());
        }
        team.run(library.linear(), struct, Math.ceilDiv(rows(), unit), (long) m * rows() * cols());
    }

    private void set(long at, long value) {
        struct.set(ValueLayout.JAVA_LONG, at, value);
    }
}
