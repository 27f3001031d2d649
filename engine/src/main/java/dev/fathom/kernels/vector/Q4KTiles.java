package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Q4_K: eight groups of 32 columns with scales and minima of their own.
 */
record Q4KTiles(BlockMatrix weight) implements StreamedTiles {
    private static final int BLOCK = 256;
    private static final int BLOCK_BYTES = 144;

    @Override
    public void expandRow(long at, int count, MemorySegment panels, long to, MemorySegment scales) {
        KScales.of(weight.data(), at, BLOCK_BYTES, count / BLOCK, scales, 0);
        MemorySegment w = weight.data().asSlice(at, (long) count / BLOCK * BLOCK_BYTES);
        for (int b = 0; b < count / BLOCK; b++) {
            // Slices of constant length: their checks disappear from the loops within.
            MemorySegment w0 = w.asSlice((long) b * BLOCK_BYTES, BLOCK_BYTES);
            MemorySegment t0 = scales.asSlice((long) b * BLOCK_SCALES, BLOCK_SCALES);
            MemorySegment panel = panels.asSlice(to + 16L * BLOCK * b, 16L * BLOCK - 3L * BYTES);
            for (int group = 0; group < 8; group++) {
                // Two groups of 32 columns share bytes; the upper halves stay 16 times too large, their scales are as
                // much smaller.
                long low = 16 + group / 2 * 32L;
                int mask = group % 2 == 0 ? 0x0F : 0xF0;
                long s = 4L * group;
                FloatVector s0 = FloatVector.broadcast(F32, t0.get(Tensor.F32, s));
                FloatVector m0 = FloatVector.broadcast(F32, t0.get(Tensor.F32, s + 32));
                for (int i = 0; i < 32; i += COUNT) {
                    ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w0, low + i, LE)
                                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                    .and(mask)
                                    .convert(VectorOperators.I2F, 0))
                            .fma(s0, m0)
                            .intoMemorySegment(panel, 16L * (32 * group + i), LE);
                }
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
        KScales.of(weight.data(), at0, BLOCK_BYTES, count / BLOCK, scales, 0);
        KScales.of(weight.data(), at1, BLOCK_BYTES, count / BLOCK, scales, ROW_SCALES);
        MemorySegment data = weight.data();
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        for (int b = 0; b < count / BLOCK; b++) {
            MemorySegment w0 = data.asSlice(at0 + (long) b * BLOCK_BYTES, BLOCK_BYTES);
            MemorySegment w1 = data.asSlice(at1 + (long) b * BLOCK_BYTES, BLOCK_BYTES);
            MemorySegment t0 = scales.asSlice((long) b * BLOCK_SCALES, BLOCK_SCALES);
            MemorySegment t1 = scales.asSlice(ROW_SCALES + (long) b * BLOCK_SCALES, BLOCK_SCALES);
            MemorySegment x = xs.asSlice(xAt + 4L * BLOCK * b, 4L * BLOCK);
            for (int group = 0; group < 8; group++) {
                // Two groups of 32 columns share bytes; the upper halves stay 16 times too large, their scales are as
                // much smaller.
                long low = 16 + group / 2 * 32L;
                int mask = group % 2 == 0 ? 0x0F : 0xF0;
                long s = 4L * group;
                FloatVector s0 = FloatVector.broadcast(F32, t0.get(Tensor.F32, s));
                FloatVector m0 = FloatVector.broadcast(F32, t0.get(Tensor.F32, s + 32));
                FloatVector s1 = FloatVector.broadcast(F32, t1.get(Tensor.F32, s));
                FloatVector m1 = FloatVector.broadcast(F32, t1.get(Tensor.F32, s + 32));
                for (int i = 0; i < 32; i += COUNT) {
                    FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * (32 * group + i), LE);
                    a0 = v.fma(
                            ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w0, low + i, LE)
                                                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                            .and(mask)
                                            .convert(VectorOperators.I2F, 0))
                                    .fma(s0, m0),
                            a0);
                    a1 = v.fma(
                            ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w1, low + i, LE)
                                                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                            .and(mask)
                                            .convert(VectorOperators.I2F, 0))
                                    .fma(s1, m1),
                            a1);
                }
            }
        }
        a0.intoMemorySegment(acc, accAt, LE);
        a1.intoMemorySegment(acc, accAt + BYTES, LE);
    }
}
