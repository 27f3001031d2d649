package dev.fathom.kernels;

/** How the key-value cache stores numbers ({@code --kv-cache-dtype}). */
public enum KvFormat {
    F32,
    BF16,
    /** The latent part in bytes with a scale for each group of columns, the rope part in BF16: {@link Fp8Row}. */
    FP8_E4M3;

    /** The format of an index beside such a cache: its few numbers stay BF16 where rows are FP8. */
    public KvFormat ofIndex() {
        return this == FP8_E4M3 ? BF16 : this;
    }

    /** Bytes that a row of {@code shape} takes. */
    public long rowBytes(KvShape shape) {
        return switch (this) {
            case F32 -> 4L * shape.rowWidth();
            case BF16 -> 2L * shape.rowWidth();
            case FP8_E4M3 -> new Fp8Row(shape).bytes();
        };
    }
}
