package dev.fathom.kernels;

/**
 * How a GPU computes.
 *
 * @param exact           float32's accuracy and the same bits for a row whatever shares its step; otherwise tensor cores take x
 *                        rounded to BF16, which is several times as fast
 * @param mostGraphRows   steps of at most so many rows are recorded and played back as graphs; 0 for none
 * @param memoryFraction  share of its free memory that weights and cache may take
 */
public record GpuOptions(boolean exact, int mostGraphRows, double memoryFraction) {
    /** What a server takes unless told otherwise. */
    public static final GpuOptions USUAL = new GpuOptions(false, 256, 0.8);

    /** The reference's numbers. */
    public static final GpuOptions EXACT = USUAL.withExact(true);

    public GpuOptions {
        if (mostGraphRows < 0) {
            throw new IllegalArgumentException("rows of a graph must not be negative, got " + mostGraphRows);
        }
        if (!(memoryFraction > 0 && memoryFraction <= 1)) {
            throw new IllegalArgumentException("a share of memory must be in (0, 1], got " + memoryFraction);
        }
    }

    public GpuOptions withExact(boolean value) {
        return new GpuOptions(value, mostGraphRows, memoryFraction);
    }

    public GpuOptions withMostGraphRows(int value) {
        return new GpuOptions(exact, value, memoryFraction);
    }

    public GpuOptions withMemoryFraction(double value) {
        return new GpuOptions(exact, mostGraphRows, value);
    }
}
