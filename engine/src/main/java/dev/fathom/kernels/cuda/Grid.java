package dev.fathom.kernels.cuda;

/**
 * How many blocks of how many threads run a kernel.
 *
 * @param y        at most 65,535, as is z
 * @param threads  of a block, at most 1,024
 */
record Grid(long x, long y, long z, int threads) {
    /** Numbers that a block of {@link #rows} or {@link #numbers} takes at a time. */
    private static final int THREADS = 256;

    private static final int MOST_BLOCKS = 4096;

    /** A block for each row. */
    static Grid rows(long rows) {
        return new Grid(rows, 1, 1, THREADS);
    }

    /** For each row as many blocks as have a thread for each of its numbers. */
    static Grid rows(long rows, long numbers) {
        return new Grid(rows, Math.ceilDiv(numbers, (long) THREADS), 1, THREADS);
    }

    /** A thread for each number, or for every so many of them. */
    static Grid numbers(long count) {
        return new Grid(Math.min(MOST_BLOCKS, Math.ceilDiv(count, (long) THREADS)), 1, 1, THREADS);
    }

    boolean isEmpty() {
        return x == 0 || y == 0 || z == 0;
    }
}
