package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Rows of x packed for {@link Tiles}: panels of the heights {@link Tiles#height} gives, one after the other, each
 * [columns / COUNT, height, COUNT] with columns padded to whole vectors by zeros. Row r's panel starts at byte
 * 4 * r * padded columns if r is the first of its panel.
 */
final class Panels {
    private Panels() {}

    static long bytes(int rows, int columns) {
        return 4L * rows * Lanes.padded(columns);
    }

    /** Packs rows [from, to) of one block of {@code rows} rows; from and to are at panel borders. */
    static void pack(Strided x, int columns, int from, int to, int rows, MemorySegment panels) {
        long rowBytes = 4L * Lanes.padded(columns);
        int height;
        for (int r = from; r < to; r += height) {
            height = Tiles.height(rows - r);
            for (int i = 0; i < height; i++) {
                packRow(x.data(), x.at(r + i), columns, panels, r * rowBytes + (long) i * BYTES, height);
            }
        }
    }

    /**
     * One row into a panel.
     *
     * @param at      byte offset of the row
     * @param to      byte offset of the row's first vector in {@code panels}
     * @param height  of the panel
     */
    static void packRow(MemorySegment rows, long at, int columns, MemorySegment panels, long to, int height) {
        MemorySegment row = rows.asSlice(at, 4L * columns);
        int whole = columns & -COUNT;
        long step = (long) height * BYTES;
        long place = to;
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector.fromMemorySegment(F32, row, 4L * i, LE).intoMemorySegment(panels, place, LE);
            place += step;
        }
        if (whole < columns) {
            VectorMask<Float> tail = F32.indexInRange(whole, columns);
            FloatVector.fromMemorySegment(F32, row, 4L * whole, LE, tail).intoMemorySegment(panels, place, LE);
        }
    }
}
