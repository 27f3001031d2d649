package dev.fathom.checkpoint;

import dev.fathom.tensor.DType;
import java.util.Arrays;
import java.util.Optional;

/** Element types a safetensors header may name. Those without a {@link DType} may lie in a file but are not read. */
enum StoredType {
    F32(4, DType.F32),
    F16(2, DType.F16),
    BF16(2, DType.BF16),
    F8_E4M3(1, DType.F8_E4M3),
    F8_E5M2(1),
    F8_E8M0(1),
    F64(8),
    I64(8),
    U64(8),
    I32(4),
    U32(4),
    I16(2),
    U16(2),
    I8(1, DType.I8),
    U8(1),
    BOOL(1);

    private final int bytes;
    private final Optional<DType> served;

    StoredType(int bytes, DType served) {
        this.bytes = bytes;
        this.served = Optional.of(served);
    }

    StoredType(int bytes) {
        this.bytes = bytes;
        this.served = Optional.empty();
    }

    int bytes() {
        return bytes;
    }

    /** How weights of this type are read; empty when they are not. */
    Optional<DType> served() {
        return served;
    }

    static Optional<StoredType> of(String name) {
        return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
    }
}
