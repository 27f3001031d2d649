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

/** Q5_K: as Q4_K, with 32 bytes of fifth bits. */
record Q5KTiles(BlockMatrix weight) implements BlockTiles {
    private static final int BLOCK = 256;
    private static final int BLOCK_BYTES = 176;

    @Override
    public void expandRow(long at, int count, MemorySegment panels, long to, MemorySegment scales) {
        KScales.of(weight.data(), at, BLOCK_BYTES, count / BLOCK, scales, 0, SCALE_BYTES);
        MemorySegment w = weight.data().asSlice(at, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment panel = panels.asSlice(to, 16L * count - 3L * BYTES);
        for (int column = 0, block = 0, scale = 0; column < count; column += BLOCK) {
            // Groups of 32 columns come in pairs that share bytes.
            for (int pair = 0; pair < BLOCK; pair += 64) {
                long s = scale + pair / 8L;
                FloatVector s0 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s));
                FloatVector s1 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 4));
                FloatVector m0 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 32));
                FloatVector m1 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 36));
                for (int i = 0; i < 32; i += COUNT) {
                    IntVector q = (IntVector) ByteVector.fromMemorySegment(I8, w, block + 48L + pair / 2 + i, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0);
                    IntVector h = ((IntVector) ByteVector.fromMemorySegment(I8, w, block + 16L + i, LE)
                                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                            .lanewise(VectorOperators.LSHR, pair / 32);
                    long place = 16L * (column + pair + i);
                    ((FloatVector) q.and(15)
                                    .lanewise(VectorOperators.OR, h.and(1).lanewise(VectorOperators.LSHL, 4))
                                    .convert(VectorOperators.I2F, 0))
                            .fma(s0, m0)
                            .intoMemorySegment(panel, place, LE);
                    ((FloatVector) q.lanewise(VectorOperators.LSHR, 4)
                                    .lanewise(VectorOperators.OR, h.and(2).lanewise(VectorOperators.LSHL, 3))
                                    .convert(VectorOperators.I2F, 0))
                            .fma(s1, m1)
                            .intoMemorySegment(panel, place + 512, LE);
                }
            }
            block += BLOCK_BYTES;
            scale += SCALE_BYTES;
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
        KScales.of(weight.data(), at0, BLOCK_BYTES, count / BLOCK, scales, 0, SCALE_BYTES);
        KScales.of(weight.data(), at1, BLOCK_BYTES, count / BLOCK, scales, 4L * SCALE_BYTES, SCALE_BYTES);
        MemorySegment w0 = weight.data().asSlice(at0, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment w1 = weight.data().asSlice(at1, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment x = xs.asSlice(xAt, 4L * count);
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        for (int column = 0, block = 0; column < count; column += BLOCK, block += BLOCK_BYTES) {
            for (int pair = 0; pair < BLOCK; pair += 64) {
                // Four blocks' scales of one row, then the other row's.
                long s = (long) column / BLOCK * SCALE_BYTES + pair / 8L;
                FloatVector s0 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s));
                FloatVector m0 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 32));
                FloatVector s1 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 256));
                FloatVector m1 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 288));
                for (int i = 0; i < 32; i += COUNT) {
                    FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * (column + pair + i), LE);
                    a0 = v.fma(
                            ((FloatVector) ((IntVector)
                                                    ByteVector.fromMemorySegment(I8, w0, block + 48L + pair / 2 + i, LE)
                                                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                            .and(15)
                                            .lanewise(
                                                    VectorOperators.OR,
                                                    ((IntVector) ByteVector.fromMemorySegment(
                                                                            I8, w0, block + 16L + i, LE)
                                                                    .convertShape(
                                                                            VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                                            .lanewise(VectorOperators.LSHR, pair / 32)
                                                            .and(1)
                                                            .lanewise(VectorOperators.LSHL, 4))
                                            .convert(VectorOperators.I2F, 0))
                                    .fma(s0, m0),
                            a0);
                    a1 = v.fma(
                            ((FloatVector) ((IntVector)
                                                    ByteVector.fromMemorySegment(I8, w1, block + 48L + pair / 2 + i, LE)
                                                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                            .and(15)
                                            .lanewise(
                                                    VectorOperators.OR,
                                                    ((IntVector) ByteVector.fromMemorySegment(
                                                                            I8, w1, block + 16L + i, LE)
                                                                    .convertShape(
                                                                            VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                                            .lanewise(VectorOperators.LSHR, pair / 32)
                                                            .and(1)
                                                            .lanewise(VectorOperators.LSHL, 4))
                                            .convert(VectorOperators.I2F, 0))
                                    .fma(s1, m1),
                            a1);
                }
                s0 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 4));
                m0 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 36));
                s1 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 260));
                m1 = FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 292));
                for (int i = 0; i < 32; i += COUNT) {
                    FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * (column + pair + 32 + i), LE);
                    a0 = v.fma(
                            ((FloatVector) ((IntVector)
                                                    ByteVector.fromMemorySegment(I8, w0, block + 48L + pair / 2 + i, LE)
                                                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                            .lanewise(VectorOperators.LSHR, 4)
                                            .lanewise(
                                                    VectorOperators.OR,
                                                    ((IntVector) ByteVector.fromMemorySegment(
                                                                            I8, w0, block + 16L + i, LE)
                                                                    .convertShape(
                                                                            VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                                            .lanewise(VectorOperators.LSHR, pair / 32 + 1)
                                                            .and(1)
                                                            .lanewise(VectorOperators.LSHL, 4))
                                            .convert(VectorOperators.I2F, 0))
                                    .fma(s0, m0),
                            a0);
                    a1 = v.fma(
                            ((FloatVector) ((IntVector)
                                                    ByteVector.fromMemorySegment(I8, w1, block + 48L + pair / 2 + i, LE)
                                                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                            .lanewise(VectorOperators.LSHR, 4)
                                            .lanewise(
                                                    VectorOperators.OR,
                                                    ((IntVector) ByteVector.fromMemorySegment(
                                                                            I8, w1, block + 16L + i, LE)
                                                                    .convertShape(
                                                                            VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                                            .lanewise(VectorOperators.LSHR, pair / 32 + 1)
                                                            .and(1)
                                                            .lanewise(VectorOperators.LSHL, 4))
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
