package dev.fathom.comm;

import dev.fathom.tensor.Tensor;

/**
 * Collectives among the ranks that run one model together. Every rank calls the same operations in the same order; the
 * reduction order is fixed, so results repeat.
 */
public interface Communicator extends AutoCloseable {
    /** This process, in [0, size). */
    int rank();

    int size();

    /** Sums {@code data} over all ranks, in place. */
    void allReduce(Tensor data);

    /** Concatenates every rank's rows in rank order: {@code all} is [size * part.rows, cols]. */
    void allGather(Tensor part, Tensor all);

    @Override
    void close();

    /** One rank: nothing to exchange. */
    static Communicator single() {
        return new SingleRank();
    }
}
