package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;

/**
 * The operations of an index of keys, by which sparse attention chooses the tokens it looks at. The index has a cache of its
 * own, one narrow key for each token and layer in the slot of the token's latent ({@link PagedKv#index}).
 *
 * @see "DeepSeek-V3.2, arXiv 2512.02556, section 2.1; DeepSeek-V3.2-Exp inference/model.py, class Indexer"
 */
public interface KeyIndex {
    /**
     * out = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias, row by row; the variance divides by the width.
     *
     * @param x       [tokens, width]
     * @param weight  [1, width]
     * @param bias    [1, width]
     * @param out     [tokens, width]; may be x
     */
    void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor out);

    /**
     * Each head in place: its Hadamard transform, then what E4M3 numbers with a power of two as scale make of it. {@link
     * RotatedFp8} says exactly what, bit for bit.
     *
     * @param x  heads as wide as a power of two
     */
    void roundRotated(HeadView x);

    /**
     * Writes step rows into the index, rounded to the cache's format.
     *
     * @param keys   [tokens, indexWidth]
     * @param slots  [tokens], distinct, each in [0, index.slots)
     */
    void store(Tensor keys, int[] slots, PagedKv index, int layer);

    /**
     * For each row the {@code count} tokens with the largest scores among those it sees, positions 0..p of its sequence for a
     * row at p; all of them where it sees no more. The score of a token is the sum over heads, in order, of weight * max(0,
     * query · key). Of equal scores that of the lower position is the larger; NaN is larger than every number.
     *
     * <p>The cost is that of one dot product a head for every token a row sees, and what is given back lets {@link
     * KernelBackend#attendChosen} read the chosen rows of the cache and no other.
     *
     * @param query    [tokens], heads as wide as the index's rows
     * @param weights  [tokens, heads]; a positive factor that all share changes no choice
     * @param batch    the step's rows; slots of every position
     * @return valid until the next call, or the next step
     */
    RowChoice choose(HeadView query, Tensor weights, AttentionBatch batch, PagedKv index, int layer, int count);
}
