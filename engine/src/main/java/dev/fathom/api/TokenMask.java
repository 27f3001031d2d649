package dev.fathom.api;

import org.jspecify.annotations.Nullable;

/** Says which tokens may come next in one sequence. Used by one thread at a time. */
public interface TokenMask {
    /**
     * The tokens that may come next: bit {@code id % 64} of word {@code id / 64}. Valid until the next call, not to be
     * written to. Null while every token may come, for example before an answer's thinking has ended.
     *
     * @throws RequestException if that cannot be told; the sequence fails then
     */
    long @Nullable [] allowed();

    /**
     * The sequence goes on with this token.
     *
     * @throws RequestException if it was not allowed
     */
    void accept(int id);

    /** Whether the sequence is at its end: an end id was accepted where the text was complete, or nothing can follow. */
    boolean ended();
}
