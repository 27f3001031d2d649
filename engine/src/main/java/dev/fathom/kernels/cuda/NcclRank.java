package dev.fathom.kernels.cuda;

/**
 * A place among the ranks that run one model together.
 *
 * @param id    what all of them share ({@link CudaBackend#newRanks})
 * @param rank  in [0, size)
 */
public record NcclRank(byte[] id, int rank, int size) {
    public NcclRank {
        if (rank < 0 || rank >= size) {
            throw new IllegalArgumentException("rank " + rank + " of " + size);
        }
    }
}
