package dev.fathom.kernels;

/**
 * What a model keeps for each token in the cache: for each layer one row of numbers. With MLA it is [latentWidth |
 * ropeWidth]; with grouped-query attention it is the keys of all heads, then their values, and there is no rope part.
 *
 * @param latentWidth  kv_lora_rank; for grouped-query attention the whole row
 * @param ropeWidth    qk_rope_head_dim, one rotated key shared by all heads; 0 for grouped-query attention
 * @param indexWidth   numbers of the key that an index keeps beside the row, in the same slot ({@link KeyIndex}); 0 for
 *                     none
 */
public record KvShape(int layers, int latentWidth, int ropeWidth, int indexWidth) {
    /** Without an index. */
    public KvShape(int layers, int latentWidth, int ropeWidth) {
        this(layers, latentWidth, ropeWidth, 0);
    }

    /** Rows [keys | values] of {@code heads} heads, each {@code headWidth} wide. */
    public static KvShape keysAndValues(int layers, int heads, int headWidth) {
        return new KvShape(layers, Math.multiplyExact(2, Math.multiplyExact(heads, headWidth)), 0);
    }

    /** Of one layer's row; what an index keeps lies elsewhere. */
    public int rowWidth() {
        return latentWidth + ropeWidth;
    }

    /** What the index keeps, as rows of a cache of its own. */
    public KvShape index() {
        return new KvShape(layers, indexWidth, 0);
    }

    /** Bytes of one token over all layers, with what an index keeps. */
    public long bytesPerToken(KvFormat format) {
        long index = format.ofIndex().rowBytes(index());
        return Math.multiplyExact(layers, Math.addExact(format.rowBytes(this), index));
    }
}
