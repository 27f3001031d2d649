package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Blocks of 32 columns of four or five bits with a scale and an offset: Q4_1, Q5_1 and AWQ. A number is q * scale + offset,
 * rounded once; AWQ's offset, zero * -scale, is exact, and so are its numbers.
 */
record OffsetTiles(BlockMatrix weight) implements BlockTiles {
    private static final int BLOCK = 32;
    private static final IntVector LANE = IntVector.broadcast(I32, 0).addIndex(1);

    @Override
    public void expandRow(long at, int count, MemorySegment panels, long to, MemorySegment scales) {
        BlockFormat format = weight.format();
        MemorySegment w = weight.data().asSlice(at, format.rowBytes(count));
        int codesAt = format.bytes() - BLOCK / 2;
        for (int b = 0; b < count / BLOCK; b++) {
            long block = (long) b * format.bytes();
            float scale = Float.float16ToFloat(w.get(Codecs.LE_SHORT, block));
            float offset = format == BlockFormat.AWQ
                    ? -scale * (w.get(ValueLayout.JAVA_BYTE, block + 2) & 15)
                    : Float.float16ToFloat(w.get(Codecs.LE_SHORT, block + 2));
            int fifth = format == BlockFormat.Q5_1 ? w.get(Codecs.LE_INT, block + 4) : 0;
            for (int i = 0; i < BLOCK / 2; i += COUNT) {
                IntVector q = (IntVector) ByteVector.fromMemorySegment(I8, w, block + codesAt + i, LE)
                        .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0);
                long place = to + 16L * BLOCK * b + 16L * i;
                number(q.and(15), fifth >>> i, scale, offset).intoMemorySegment(panels, place, LE);
                number(q.lanewise(VectorOperators.LSHR, 4), fifth >>> (BLOCK / 2 + i), scale, offset)
                        .intoMemorySegment(panels, place + 16L * (BLOCK / 2), LE);
            }
        }
    }

    /** @param fifth bit l belongs to lane l */
    private static FloatVector number(IntVector low, int fifth, float scale, float offset) {
        IntVector q = IntVector.broadcast(I32, fifth)
                .lanewise(VectorOperators.LSHR, LANE)
                .and(1)
                .lanewise(VectorOperators.LSHL, 4)
                .or(low);
        return ((FloatVector) q.convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(F32, scale), FloatVector.broadcast(F32, offset));
    }
}
