package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.kernels.RoundedInput;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Rows of x packed for {@link Tiles}: panels of the heights {@link Tiles#height} gives, one after the other, each
 * [columns / COUNT, height, COUNT] with columns padded to whole vectors by zeros. Row r's panel starts at byte
 * 4 * r * padded columns if r is the first of its panel.
 */
final class Panels {
    /** 1.5 * 2^23. */
    private static final float SHIFT = 12582912;

    private Panels() {}

    static long bytes(int rows, int columns) {
        return 4L * rows * Lanes.padded(columns);
    }

    /**
     * Packs rows [from, to) of one block of {@code rows} rows; from and to are at panel borders.
     *
     * @param group  columns that are rounded together, as {@link RoundedInput} says, or {@link RoundedInput#NONE}
     */
    static void pack(Strided x, int columns, int from, int to, int rows, MemorySegment panels, int group) {
        long rowBytes = 4L * Lanes.padded(columns);
        int height;
        for (int r = from; r < to; r += height) {
            height = Tiles.height(rows - r);
            for (int i = 0; i < height; i++) {
                long place = r * rowBytes + (long) i * BYTES;
                packRow(x.data(), x.at(r + i), columns, panels, place, height);
                if (group != RoundedInput.NONE) {
                    round(columns, panels, place, height, group);
                }
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

    /**
     * Rounds a packed row in place.
     *
     * @param to      byte offset of the row's first vector, the first of a group
     * @param height  of the panel
     * @param group   a multiple of the lane count, or all columns
     */
    static void round(int columns, MemorySegment panels, long to, int height, int group) {
        long step = (long) height * BYTES;
        int vectors = Math.ceilDiv(columns, COUNT);
        int together = Math.ceilDiv(group, COUNT);
        for (int from = 0; from < vectors; from += together) {
            roundGroup(panels, to + from * step, step, Math.min(together, vectors - from));
        }
    }

    private static void roundGroup(MemorySegment panels, long at, long step, int vectors) {
        FloatVector most = FloatVector.zero(F32);
        for (int i = 0; i < vectors; i++) {
            most = most.max(FloatVector.fromMemorySegment(F32, panels, at + i * step, LE)
                    .abs());
        }
        float largest = most.reduceLanes(VectorOperators.MAX);
        float scale = RoundedInput.scale(largest);
        float steps = RoundedInput.steps(largest);
        if (steps == 0) {
            for (int i = 0; i < vectors; i++) {
                FloatVector.broadcast(F32, scale).intoMemorySegment(panels, at + i * step, LE);
            }
            return;
        }
        for (int i = 0; i < vectors; i++) {
            // Near SHIFT float32 numbers are whole ones: adding rounds, to nearest and ties to even.
            FloatVector.fromMemorySegment(F32, panels, at + i * step, LE)
                    .mul(steps)
                    .add(SHIFT)
                    .sub(SHIFT)
                    .mul(scale)
                    .intoMemorySegment(panels, at + i * step, LE);
        }
    }
}
