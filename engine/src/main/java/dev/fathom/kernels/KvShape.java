package dev.fathom.kernels;

/**
 * What a model keeps for each token in the cache: for each layer one row of numbers. With MLA it is [latentWidth |
 * ropeWidth]; with grouped-query attention it is the keys of all heads, then their values, and there is no rope part.
 *
 * @param latentWidth  kv_lora_rank; for grouped-query attention the whole row
 * @param ropeWidth    qk_rope_head_dim, one rotated key shared by all heads; 0 for grouped-query attention
 */
public record KvShape(int layers, int latentWidth, int ropeWidth) {
    /** Rows [keys | values] of {@code heads} heads, each {@code headWidth} wide. */
    public static KvShape keysAndValues(int layers, int heads, int headWidth) {
        return new KvShape(layers, Math.multiplyExact(2, Math.multiplyExact(heads, headWidth)), 0);
    }

    public int rowWidth() {
        return latentWidth + ropeWidth;
    }

    /** Bytes of one token over all layers. */
    public long bytesPerToken(KvFormat format) {
        return Math.multiplyExact(layers, format.rowBytes(this));
    }
}
