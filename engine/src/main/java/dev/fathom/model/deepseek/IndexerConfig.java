package dev.fathom.model.deepseek;

/**
 * DeepSeek-V3.2's lightning indexer, in config.json's vocabulary.
 *
 * @param heads    index_n_heads
 * @param headDim  index_head_dim: width of a query head and of the one key of a token
 * @param topK     index_topk: most tokens that a token attends to
 */
record IndexerConfig(int heads, int headDim, int topK) {
    IndexerConfig {
        if (heads < 1 || headDim < 1 || topK < 1) {
            throw new IllegalArgumentException(
                    "index_n_heads, index_head_dim and index_topk must be positive, the config says " + heads + ", "
                            + headDim + " and " + topK);
        }
    }
}
