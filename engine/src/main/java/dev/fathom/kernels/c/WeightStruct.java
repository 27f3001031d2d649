package dev.fathom.kernels.c;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@code struct weight} of weight.h, and which weights the C kernels are written for. */
final class WeightStruct {
    static final long BYTES = 64;

    // enum format of weight.h
    private static final long FP8 = 0;
    private static final long Q4_0 = 1;
    private static final long Q5_0 = 2;
    private static final long Q8_0 = 3;
    private static final long Q4_K = 4;
    private static final long Q5_K = 5;
    private static final long Q6_K = 6;
    private static final long F32 = 7;
    private static final long BF16 = 8;
    private static final long F16 = 9;
    private static final long INT8 = 10;
    private static final long Q4_1 = 11;
    private static final long Q5_1 = 12;
    private static final long AWQ = 13;
    private static final long IQ4_NL = 14;
    private static final long Q3_K = 15;
    private static final long Q2_K = 16;
    private static final long IQ4_XS = 17;

    /** The width of FP8 blocks that the kernels are written for. */
    private static final int BLOCK = 128;

    /** Weight rows of a tile, as in tiles.h. */
    private static final int TALL = 4;

    private static final long KINDS = 48;

    private WeightStruct() {}

    /** Whether the kernels prepare whole rows of x at a time: wants_rows of product.h. */
    static boolean wantsRows(WeightMatrix weight) {
        return weight instanceof Int8Matrix;
    }

    /** How a format's kernels want x. */
    enum Input {
        /** In float32: panels of some rows, or a single row as it is. */
        FLOATS,
        /** Rounded, as {@link dev.fathom.kernels.RoundedInput} says. */
        CODES,
        /** Rounded to BF16, for matrix tiles or dot products of pairs. */
        PAIRS;

        /** Whether {@code m} rows of x must be prepared first. */
        boolean prepares(int m) {
            return switch (this) {
                case FLOATS -> m > 1;
                case CODES, PAIRS -> true;
            };
        }
    }

    static boolean serves(WeightMatrix weight) {
        return switch (weight) {
            // Blocks of another width are left to the vector backend: nobody ships them.
            case Fp8BlockMatrix w -> w.blockCols() == BLOCK;
            // Whole groups of columns, as all published weights have.
            case Int8Matrix w -> w.cols() % Int8Matrix.COLUMN_UNIT == 0;
            case F32Matrix w -> true;
            case Bf16Matrix w -> true;
            case F16Matrix w -> true;
            case BlockMatrix w -> true;
        };
    }

    /** Of a weight that is served. */
    static Input input(WeightMatrix weight, Bf16Products products) {
        return switch (weight) {
            case Fp8BlockMatrix w -> products == Bf16Products.TILES ? Input.PAIRS : Input.FLOATS;
            case BlockMatrix w -> Input.CODES;
            case Int8Matrix w -> Input.CODES;
            case F32Matrix w -> Input.FLOATS;
            case Bf16Matrix w -> products == Bf16Products.FLOATS ? Input.FLOATS : Input.PAIRS;
            case F16Matrix w -> Input.FLOATS;
        };
    }

    /** Bytes that the kernels note about a weight while it lives, a five-hundredth of its own; zeros at first. */
    static long noteBytes(WeightMatrix weight) {
        return weight instanceof Fp8BlockMatrix
                ? (long) Math.ceilDiv(weight.rows(), TALL) * Math.ceilDiv(weight.cols(), BLOCK)
                : 0;
    }

    /** Tells the kernels where to note; once, for the struct at byte offset {@code at}. */
    static void writeNotes(MemorySegment struct, long at, MemorySegment notes) {
        struct.set(ValueLayout.JAVA_LONG, at + KINDS, notes.address());
    }

    /** Writes all else of a weight that is served, at byte offset {@code at}. */
    static void write(WeightMatrix weight, MemorySegment struct, long at) {
        switch (weight) {
            case Fp8BlockMatrix w -> {
                put(struct, at, FP8, w.data());
                struct.set(ValueLayout.JAVA_LONG, at + 16, CTeam.address(w.scales(), "scales"));
                struct.set(ValueLayout.JAVA_LONG, at + 40, w.blockRows());
            }
            case Int8Matrix w -> {
                put(struct, at, INT8, w.data());
                struct.set(ValueLayout.JAVA_LONG, at + 16, CTeam.address(w.scales(), "scales"));
                struct.set(ValueLayout.JAVA_LONG, at + 40, w.blockRows());
                struct.set(ValueLayout.JAVA_LONG, at + 56, Math.min(w.blockCols(), w.cols()));
            }
            case BlockMatrix w -> put(struct, at, tag(w.format()), w.data());
            case F32Matrix w -> put(struct, at, F32, w.data());
            case Bf16Matrix w -> put(struct, at, BF16, w.data());
            case F16Matrix w -> put(struct, at, F16, w.data());
        }
        struct.set(ValueLayout.JAVA_LONG, at + 24, weight.rows());
        struct.set(ValueLayout.JAVA_LONG, at + 32, weight.cols());
    }

    private static long tag(BlockFormat format) {
        return switch (format) {
            case Q4_0 -> Q4_0;
            case Q5_0 -> Q5_0;
            case Q8_0 -> Q8_0;
            case Q4_K -> Q4_K;
            case Q5_K -> Q5_K;
            case Q6_K -> Q6_K;
            case Q4_1 -> Q4_1;
            case Q5_1 -> Q5_1;
            case AWQ -> AWQ;
            case IQ4_NL -> IQ4_NL;
            case IQ4_XS -> IQ4_XS;
            case Q2_K -> Q2_K;
            case Q3_K -> Q3_K;
        };
    }

    private static void put(MemorySegment struct, long at, long format, MemorySegment codes) {
        struct.set(ValueLayout.JAVA_LONG, at, format);
        struct.set(ValueLayout.JAVA_LONG, at + 8, CTeam.address(codes, "weight"));
    }
}
