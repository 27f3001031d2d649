package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Q4_0: 32 columns in 16 bytes, low halves first. */
record Q4Tiles(BlockMatrix weight) implements StreamedTiles {
    private static final int BLOCK = 32;
    private static final int BLOCK_BYTES = 18;

    @Override
    public void expandRow(long at, int count, MemorySegment panels, long to, MemorySegment scales) {
        MemorySegment w = weight.data().asSlice(at, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment panel = panels.asSlice(to, 16L * count - 3L * BYTES);
        for (int b = 0; b < count / BLOCK; b++) {
            long block = (long) b * BLOCK_BYTES;
            FloatVector scale = FloatVector.broadcast(F32, Float.float16ToFloat(w.get(Codecs.LE_SHORT, block)));
            for (int i = 0; i < BLOCK / 2; i += COUNT) {
                IntVector q = (IntVector) ByteVector.fromMemorySegment(I8, w, block + 2 + i, LE)
                        .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0);
                ((FloatVector) q.and(15).sub(8).convert(VectorOperators.I2F, 0))
                        .mul(scale)
                        .intoMemorySegment(panel, 16L * BLOCK * b + 16L * i, LE);
                ((FloatVector) q.lanewise(VectorOperators.LSHR, 4).sub(8).convert(VectorOperators.I2F, 0))
                        .mul(scale)
                        .intoMemorySegment(panel, 16L * BLOCK * b + 16L * (BLOCK / 2 + i), LE);
            }
        }
    }

    @Override
    public void multiplyTwo(
            long at0,
            long at1,
            int count,
            MemorySegment xs,
            long xAt,
            MemorySegment acc,
            long accAt,
            MemorySegment scales) {
        MemorySegment w0 = weight.data().asSlice(at0, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment w1 = weight.data().asSlice(at1, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment x = xs.asSlice(xAt, 4L * count);
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        for (int b = 0; b < count / BLOCK; b++) {
            long block = (long) b * BLOCK_BYTES;
            FloatVector s0 = FloatVector.broadcast(F32, Float.float16ToFloat(w0.get(Codecs.LE_SHORT, block)));
            FloatVector s1 = FloatVector.broadcast(F32, Float.float16ToFloat(w1.get(Codecs.LE_SHORT, block)));
            for (int i = 0; i < BLOCK / 2; i += COUNT) {
                FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * BLOCK * b + 4L * i, LE);
                a0 = v.fma(
                        ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w0, block + 2 + i, LE)
                                                .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                        .and(15)
                                        .sub(8)
                                        .convert(VectorOperators.I2F, 0))
                                .mul(s0),
                        a0);
                a1 = v.fma(
                        ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w1, block + 2 + i, LE)
                                                .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                        .and(15)
                                        .sub(8)
                                        .convert(VectorOperators.I2F, 0))
                                .mul(s1),
                        a1);
            }
            for (int i = 0; i < BLOCK / 2; i += COUNT) {
                FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * BLOCK * b + 4L * (BLOCK / 2 + i), LE);
                a0 = v.fma(
                        ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w0, block + 2 + i, LE)
                                                .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                        .lanewise(VectorOperators.LSHR, 4)
                                        .sub(8)
                                        .convert(VectorOperators.I2F, 0))
                                .mul(s0),
                        a0);
                a1 = v.fma(
                        ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w1, block + 2 + i, LE)
                                                .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                        .lanewise(VectorOperators.LSHR, 4)
                                        .sub(8)
                                        .convert(VectorOperators.I2F, 0))
                                .mul(s1),
                        a1);
            }
        }
        a0.intoMemorySegment(acc, accAt, LE);
        a1.intoMemorySegment(acc, accAt + BYTES, LE);
    }
}
