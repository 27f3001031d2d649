package dev.fathom.kernels.cuda;

/**
 * How the GPU computes.
 *
 * @param exact          float32's accuracy and the same bits for a row whatever shares its step; otherwise tensor cores take x
 *                       rounded to BF16, which is several times as fast
 * @param mostGraphRows  steps of at most so many rows are recorded and played back as graphs; 0 for none
 */
public record CudaOptions(boolean exact, int mostGraphRows) {
    /** What a server takes unless told otherwise. */
    public static final CudaOptions USUAL = new CudaOptions(false, 256);

    /** The reference's numbers. */
    public static final CudaOptions EXACT = new CudaOptions(true, 256);

    public CudaOptions {
        if (mostGraphRows < 0) {
            throw new IllegalArgumentException("rows of a graph must not be negative, got " + mostGraphRows);
        }
    }

    public CudaOptions withExact(boolean value) {
        return new CudaOptions(value, mostGraphRows);
    }

    public CudaOptions withMostGraphRows(int value) {
        return new CudaOptions(exact, value);
    }
}
