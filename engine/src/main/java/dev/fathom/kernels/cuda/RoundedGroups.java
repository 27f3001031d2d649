package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;

/** x as weights of small integers take it. */
final class RoundedGroups {
    private final CudaRows rows;
    private final Workspace rounded;

    RoundedGroups(CudaDevice device, CudaRows rows) {
        this.rows = rows;
        rounded = new Workspace(device);
    }

    /** Address of [rows, heads, width] floats; valid until the next call. */
    long round(HeadView x, int group) {
        long at = rounded.take(4L * x.rows() * x.heads() * x.width());
        rows.roundGroups(x, group, at);
        return at;
    }
}
