package dev.fathom.kernels.c;

import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** {@code struct fp8} of fp8.h. */
final class Fp8Struct {
    static final long BYTES = 40;

    /** The width of blocks that the kernels are written for. */
    private static final int BLOCK = 128;

    private Fp8Struct() {}

    /** Blocks of another width are left to the vector backend: nobody ships them. */
    static boolean serves(Fp8BlockMatrix weight) {
        return weight.blockCols() == BLOCK;
    }

    static void write(Fp8BlockMatrix weight, MemorySegment struct, long at) {
        struct.set(ValueLayout.JAVA_LONG, at, CTeam.address(weight.data(), "weight"));
        struct.set(ValueLayout.JAVA_LONG, at + 8, CTeam.address(weight.scales(), "scales"));
        struct.set(ValueLayout.JAVA_LONG, at + 16, weight.rows());
        struct.set(ValueLayout.JAVA_LONG, at + 24, weight.cols());
        struct.set(ValueLayout.JAVA_LONG, at + 32, weight.blockRows());
    }
}
