package dev.fathom.tensor;

/** Element types of stored weights, with the names safetensors uses. */
public enum DType {
    F32(4),
    F16(2),
    BF16(2),
    F8_E4M3(1),
    I8(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    public int bytes() {
        return bytes;
    }
}
