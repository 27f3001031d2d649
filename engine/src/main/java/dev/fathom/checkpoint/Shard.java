package dev.fathom.checkpoint;

/**
 * The part of a weight this rank reads.
 *
 * @param axis   which dimension is divided
 * @param index  this rank's part, in [0, count)
 */
public record Shard(Axis axis, int index, int count) {
    /** What is divided among ranks. */
    public enum Axis {
        ROWS,
        COLS
    }

    /** The whole weight. */
    public static final Shard WHOLE = new Shard(Axis.ROWS, 0, 1);

    public Shard {
        if (count < 1 || index < 0 || index >= count) {
            throw new IllegalArgumentException("shard " + index + " of " + count);
        }
    }
}
