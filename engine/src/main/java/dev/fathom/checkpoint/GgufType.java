package dev.fathom.checkpoint;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.DType;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Tensor types a GGUF file may name: how many elements a block has, and how many bytes. Those that are neither plain nor
 * in a {@link BlockFormat} may lie in a file but are not read.
 *
 * @see "ggml, docs/gguf.md; gguf-py, constants.py, GGML_QUANT_SIZES"
 */
enum GgufType {
    F32(0, DType.F32),
    F16(1, DType.F16),
    BF16(30, DType.BF16),
    Q4_0(2, BlockFormat.Q4_0),
    Q5_0(6, BlockFormat.Q5_0),
    Q8_0(8, BlockFormat.Q8_0),
    Q4_K(12, BlockFormat.Q4_K),
    Q5_K(13, BlockFormat.Q5_K),
    Q6_K(14, BlockFormat.Q6_K),
    Q4_1(3, BlockFormat.Q4_1),
    Q5_1(7, BlockFormat.Q5_1),
    Q8_1(9, 32, 40),
    Q2_K(10, BlockFormat.Q2_K),
    Q3_K(11, BlockFormat.Q3_K),
    Q8_K(15, 256, 292),
    IQ2_XXS(16, 256, 66),
    IQ2_XS(17, 256, 74),
    IQ3_XXS(18, 256, 98),
    IQ1_S(19, 256, 50),
    IQ4_NL(20, BlockFormat.IQ4_NL),
    IQ3_S(21, 256, 110),
    IQ2_S(22, 256, 82),
    IQ4_XS(23, BlockFormat.IQ4_XS),
    IQ1_M(29, 256, 56),
    TQ1_0(34, 256, 54),
    TQ2_0(35, 256, 66),
    MXFP4(39, 32, 17),
    NVFP4(40, 64, 36),
    I8(24, 1, 1),
    I16(25, 1, 2),
    I32(26, 1, 4),
    I64(27, 1, 8),
    F64(28, 1, 8);

    private final int id;
    private final int elements;
    private final int bytes;
    private final @Nullable DType plain;
    private final @Nullable BlockFormat blocks;

    GgufType(int id, DType plain) {
        this(id, 1, plain.bytes(), plain, null);
    }

    GgufType(int id, BlockFormat blocks) {
        this(id, blocks.columns(), blocks.bytes(), null, blocks);
    }

    GgufType(int id, int elements, int bytes) {
        this(id, elements, bytes, null, null);
    }

    GgufType(int id, int elements, int bytes, @Nullable DType plain, @Nullable BlockFormat blocks) {
        this.id = id;
        this.elements = elements;
        this.bytes = bytes;
        this.plain = plain;
        this.blocks = blocks;
    }

    int id() {
        return id;
    }

    static Optional<GgufType> of(long id) {
        return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
    }

    /** Elements of a block, which lie in one row. */
    int elements() {
        return elements;
    }

    /** Bytes of a block. */
    int bytes() {
        return bytes;
    }

    /** The element type, where there are no blocks. */
    Optional<DType> plain() {
        return Optional.ofNullable(plain);
    }

    /** The block format, where it is read. */
    Optional<BlockFormat> blocks() {
        return Optional.ofNullable(blocks);
    }

    /** Whether tensors of this type are read. */
    boolean isServed() {
        return plain != null || blocks != null;
    }

    /** The names of all types that are read, for messages. */
    static String served() {
        return Arrays.stream(values())
                .filter(GgufType::isServed)
                .map(GgufType::name)
                .collect(Collectors.joining(", "));
    }
}
