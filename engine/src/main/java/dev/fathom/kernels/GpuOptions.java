package dev.fathom.kernels;

/**
 * How a GPU computes.
 *
 * @param exact          float32's accuracy and the same bits for a row whatever shares its step; otherwise tensor cores take x
 *                       rounded to BF16, which is several times as fast
 * @param mostGraphRows  steps of at most so many rows are recorded and played back as graphs; 0 for none
 */
public record GpuOptions(boolean exact, int mostGraphRows) {
    /** What a server takes unless told otherwise. */
    public static final GpuOptions USUAL = new GpuOptions(false, 256);

    /** The reference's numbers. */
    public static final GpuOptions EXACT = new GpuOptions(true, 256);

    public GpuOptions {
        if (mostGraphRows < 0) {
            throw new IllegalArgumentException("rows of a graph must not be negative, got " + mostGraphRows);
        }
    }

    public GpuOptions withExact(boolean value) {
        return new GpuOptions(value, mostGraphRows);
    }

    public GpuOptions withMostGraphRows(int value) {
        return new GpuOptions(exact, value);
    }
}
