package dev.fathom.kernels;

/**
 * What a model keeps for each token in the cache: for each layer one row [latentWidth | ropeWidth] (MLA).
 *
 * @param latentWidth  kv_lora_rank
 * @param ropeWidth    qk_rope_head_dim, one rotated key shared by all heads
 */
public record KvShape(int layers, int latentWidth, int ropeWidth) {
    public int rowWidth() {
        return latentWidth + ropeWidth;
    }

    /** Bytes of one token over all layers. */
    public long bytesPerToken(KvFormat format) {
        return Math.multiplyExact((long) layers * rowWidth(), format.bytes());
    }
}
