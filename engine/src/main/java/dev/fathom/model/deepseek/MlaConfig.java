package dev.fathom.model.deepseek;

/**
 * Sizes of multi-head latent attention, in config.json's vocabulary.
 *
 * @param heads        num_attention_heads
 * @param qLoraRank    q_lora_rank; 0 where the config has null and queries come from one projection
 * @param kvLoraRank   kv_lora_rank
 * @param nopeHeadDim  qk_nope_head_dim
 * @param ropeHeadDim  qk_rope_head_dim
 * @param valueHeadDim v_head_dim
 * @see "DeepSeek-V2, arXiv 2405.04434, section 2.1"
 */
record MlaConfig(int heads, int qLoraRank, int kvLoraRank, int nopeHeadDim, int ropeHeadDim, int valueHeadDim) {
    MlaConfig {
        requirePositive("num_attention_heads", heads);
        requirePositive("kv_lora_rank", kvLoraRank);
        requirePositive("qk_nope_head_dim", nopeHeadDim);
        requirePositive("qk_rope_head_dim", ropeHeadDim);
        requirePositive("v_head_dim", valueHeadDim);
        if (qLoraRank < 0) {
            throw new IllegalArgumentException("q_lora_rank must be positive or null, the config says " + qLoraRank);
        }
        if (ropeHeadDim % 2 != 0) {
            throw new IllegalArgumentException(
                    "qk_rope_head_dim must be even, because pairs are rotated; the config says " + ropeHeadDim);
        }
    }

    /** Numbers of one head's query or key: the part without position, then the rotated part. */
    int queryHeadDim() {
        return nopeHeadDim + ropeHeadDim;
    }

    /** Numbers that kv_b_proj gives for each head: the key's nope part, then the value. */
    int expandedHeadDim() {
        return nopeHeadDim + valueHeadDim;
    }

    /** Numbers for each token and layer in the cache. */
    int cacheWidth() {
        return kvLoraRank + ropeHeadDim;
    }

    /**
     * Whether the expanded form needs fewer multiply-adds than the absorbed form, for {@code queries} rows after
     * {@code prefix} cached tokens. Counted for each head, leaving out what both forms do (the query, latent and output
     * projections):
     *
     * <ul>
     *   <li>Row r sees prefix + r + 1 keys, so there are queries * prefix + queries * (queries + 1) / 2 pairs of a query
     *       and a key.
     *   <li>Expanded: each of the prefix + queries keys goes through kv_b_proj, (nope + value) * kvLora; a pair costs
     *       nope + rope for its score and value for its share of the sum.
     *   <li>Absorbed: a pair costs kvLora + rope for its score and kvLora for its share of the sum; each query is
     *       projected into the latent space, nope * kvLora, and its result out of it, value * kvLora.
     * </ul>
     *
     * A prompt without a prefix is always cheaper expanded while nope + value is at most 2 * kvLora; one token after a
     * long prefix is always cheaper absorbed. Ties go to the expanded form.
     */
    boolean expandedIsCheaper(int queries, int prefix) {
        double pairs = (double) queries * prefix + queries * (queries + 1.0) / 2;
        double projection = (double) expandedHeadDim() * kvLoraRank;
        double expanded = ((double) prefix + queries) * projection + pairs * (queryHeadDim() + valueHeadDim);
        double absorbed = queries * projection + pairs * (2.0 * kvLoraRank + ropeHeadDim);
        return expanded <= absorbed;
    }

    private static void requirePositive(String key, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(key + " must be positive, the config says " + value);
        }
    }
}
