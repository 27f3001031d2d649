package dev.fathom.kernels.c;

import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One linear map for each head, split over heads. */
final class CHeads implements HeadsKernel {
    // struct heads_linear of linear.c, in bytes
    private static final long WEIGHT = 8;
    private static final long HEADS = WEIGHT + WeightStruct.BYTES;
    private static final long ROWS_OF_X = HEADS + 8;
    private static final long X = HEADS + 16;
    private static final long Y = HEADS + 40;
    private static final long PREPARED = HEADS + 64;
    private static final long WORKSPACES = HEADS + 72;
    private static final long BYTES = HEADS + 80;

    private final WeightMatrix stacked;
    private final int heads;
    private final CLibrary library;
    private final CTeam team;
    private final MemorySegment struct;

    /** FP8 kernels note what they find in tiles of rows that begin at the weight's first; a head may begin inside one. */
    static boolean serves(WeightMatrix stacked, CLibrary library) {
        return WeightStruct.serves(stacked)
                && (WeightStruct.noteBytes(stacked) == 0 || library.products() == Bf16Products.TILES);
    }

    /** @param stacked  one that is served */
    CHeads(WeightMatrix stacked, int heads, CLibrary library, CTeam team) {
        this.stacked = stacked;
        this.heads = heads;
        this.library = library;
        this.team = team;
        struct = team.allocate(BYTES);
        set(HEADS, heads);
        set(WORKSPACES, team.workspaces().address());
    }

    @Override
    public void apply(HeadView x, HeadView y) {
        OpShapes.heads(heads, stacked.rows() / heads, stacked.cols(), x, y);
        int m = x.rows();
        if (m == 0) {
            return;
        }
        WeightStruct.write(stacked, struct, WEIGHT);
        set(ROWS_OF_X, m);
        view(X, "x", x);
        view(Y, "y", y);
        set(
                PREPARED,
                team.prepared(Math.multiplyExact(m, heads), stacked.cols()).address());
        team.run(library.heads(), struct, heads, (long) m * stacked.rows() * stacked.cols());
    }

    /** {@code struct heads} of storage.h: strides count floats. */
    private void view(long at, String name, HeadView view) {
        set(at, CTeam.address(view.tensor(), name) + 4L * view.column(0));
        set(at + 8, view.tensor().cols());
        set(at + 16, view.stride());
    }

    private void set(long at, long value) {
        struct.set(ValueLayout.JAVA_LONG, at, value);
    }
}
