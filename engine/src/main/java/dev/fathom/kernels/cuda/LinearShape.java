package dev.fathom.kernels.cuda;

/**
 * A kernel that multiplies, and how much a block of it takes at a time.
 *
 * @param outputs  weight rows
 * @param rows     of x
 * @param shared   bytes of shared memory beyond what it declares
 */
record LinearShape(Kernel kernel, int outputs, int rows, int threads, long shared) {
    /** Blocks beside each other; each goes on with every so many'th rows. */
    private static final int MOST_CHUNKS = 1024;

    LinearShape(Kernel kernel, int outputs, int rows, int threads) {
        this(kernel, outputs, rows, threads, 0);
    }

    /** @param expected  rows of x of a group */
    Grid grid(long outputCount, long groups, long expected) {
        long chunks = Math.clamp(Math.ceilDiv(expected, rows), 1, MOST_CHUNKS);
        return new Grid(Math.ceilDiv(outputCount, outputs), chunks, groups, threads);
    }
}
