package dev.fathom.kernels.c;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A linear map, split over weight rows. */
final class CLinear implements LinearKernel {
    // struct linear of linear.c, in bytes
    private static final long WEIGHT = 8;
    private static final long X = WEIGHT + WeightStruct.BYTES;
    private static final long ROWS_OF_X = X + 8;
    private static final long PREPARED = X + 16;
    private static final long Y = X + 24;
    private static final long UNIT = X + 32;
    private static final long WORKSPACES = X + 40;
    private static final long BYTES = X + 48;

    private final WeightMatrix weight;
    private final CLibrary library;
    private final CTeam team;
    private final MemorySegment struct;

    /** @param weight  one that {@link WeightStruct#serves} */
    CLinear(WeightMatrix weight, CLibrary library, CTeam team) {
        this.weight = weight;
        this.library = library;
        this.team = team;
        struct = team.allocate(BYTES);
        WeightStruct.writeNotes(struct, WEIGHT, team.notes(WeightStruct.noteBytes(weight)));
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
        int unit = team.rowsPerUnit(rows(), m);
        // Written each time, so that a weight whose arena is closed is noticed.
        WeightStruct.write(weight, struct, WEIGHT);
        set(X, CTeam.address(x, "x"));
        set(ROWS_OF_X, m);
        set(Y, CTeam.address(y, "y"));
        set(UNIT, unit);
        set(WORKSPACES, team.workspaces().address());
        if (WeightStruct.input(weight, library.products()).prepares(m)) {
            set(PREPARED, team.prepared(m, cols()).address());
            team.run(library.prepare(), struct, m, (long) m * cols());
        } else {
            set(PREPARED, 0);
        }
        team.run(library.linear(), struct, Math.ceilDiv(rows(), unit), (long) m * rows() * cols());
    }

    private void set(long at, long value) {
        struct.set(ValueLayout.JAVA_LONG, at, value);
    }
}
