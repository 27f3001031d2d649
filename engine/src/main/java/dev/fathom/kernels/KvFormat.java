package dev.fathom.kernels;

/** How the key-value cache stores numbers ({@code --kv-cache-dtype}). */
public enum KvFormat {
    F32(4),
    BF16(2);

    private final int bytes;

    KvFormat(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes for each number. */
    public int bytes() {
        return bytes;
    }
}
