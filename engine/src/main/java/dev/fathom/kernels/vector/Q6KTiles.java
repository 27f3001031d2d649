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

/** Q6_K: sixteen groups of 16 columns with signed scales of their own. */
record Q6KTiles(BlockMatrix weight) implements BlockTiles {
    private static final int BLOCK = 256;
    private static final int BLOCK_BYTES = 210;

    @Override
    public void expandRow(long at, int count, MemorySegment panels, long to, MemorySegment scales) {
        KScales.ofQ6(weight.data(), at, count / BLOCK, scales, 0, SCALE_BYTES);
        MemorySegment w = weight.data().asSlice(at, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment panel = panels.asSlice(to, 16L * count - 3L * BYTES);
        for (int column = 0, block = 0, scale = 0; column < count; column += BLOCK) {
            for (int half = 0; half < 2; half++) {
                for (int i = 0; i < 32; i += COUNT) {
                    // Two bytes of low bits and one of high bits hold four columns, 32 apart.
                    long byteAt = block + 64L * half + i;
                    IntVector a = (IntVector) ByteVector.fromMemorySegment(I8, w, byteAt, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0);
                    IntVector b = (IntVector) ByteVector.fromMemorySegment(I8, w, byteAt + 32, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0);
                    IntVector h = (IntVector) ByteVector.fromMemorySegment(I8, w, block + 128L + 32L * half + i, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0);
                    long s = scale + 32L * half + i / 16 * 4L;
                    long place = 16L * (column + 128 * half + i);
                    ((FloatVector) a.and(15)
                                    .lanewise(VectorOperators.OR, h.and(3).lanewise(VectorOperators.LSHL, 4))
                                    .sub(32)
                                    .convert(VectorOperators.I2F, 0))
                            .mul(FloatVector.broadcast(F32, scales.get(Tensor.F32, s)))
                            .intoMemorySegment(panel, place, LE);
                    ((FloatVector) b.and(15)
                                    .lanewise(VectorOperators.OR, h.and(12).lanewise(VectorOperators.LSHL, 2))
                                    .sub(32)
                                    .convert(VectorOperators.I2F, 0))
                            .mul(FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 8)))
                            .intoMemorySegment(panel, place + 512, LE);
                    ((FloatVector) a.lanewise(VectorOperators.LSHR, 4)
                                    .lanewise(VectorOperators.OR, h.and(48))
                                    .sub(32)
                                    .convert(VectorOperators.I2F, 0))
                            .mul(FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 16)))
                            .intoMemorySegment(panel, place + 1024, LE);
                    ((FloatVector) b.lanewise(VectorOperators.LSHR, 4)
                                    .lanewise(
                                            VectorOperators.OR,
                                            h.lanewise(VectorOperators.LSHR, 6).lanewise(VectorOperators.LSHL, 4))
                                    .sub(32)
                                    .convert(VectorOperators.I2F, 0))
                            .mul(FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 24)))
                            .intoMemorySegment(panel, place + 1536, LE);
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
        KScales.ofQ6(weight.data(), at0, count / BLOCK, scales, 0, SCALE_BYTES);
        KScales.ofQ6(weight.data(), at1, count / BLOCK, scales, 4L * SCALE_BYTES, SCALE_BYTES);
        MemorySegment w0 = weight.data().asSlice(at0, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment w1 = weight.data().asSlice(at1, (long) count / BLOCK * BLOCK_BYTES);
        MemorySegment x = xs.asSlice(xAt, 4L * count);
        FloatVector a0 = FloatVector.zero(F32);
        FloatVector a1 = a0;
        for (int column = 0, block = 0; column < count; column += BLOCK, block += BLOCK_BYTES) {
            for (int group = 0; group < 8; group++) {
                // Of four groups, the first two have their low bits in the low halves of 64 bytes.
                long low = block + group / 4 * 64L + group % 2 * 32L;
                int lowShift = group / 2 % 2 * 4;
                long high = block + 128L + group / 4 * 32L;
                int highShift = group % 4 * 2;
                long s = (long) column / BLOCK * SCALE_BYTES + group * 8L;
                for (int i = 0; i < 32; i += COUNT) {
                    FloatVector v = FloatVector.fromMemorySegment(F32, x, 4L * (column + group * 32 + i), LE);
                    a0 = v.fma(
                            ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w0, low + i, LE)
                                                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                            .lanewise(VectorOperators.LSHR, lowShift)
                                            .and(15)
                                            .lanewise(
                                                    VectorOperators.OR,
                                                    ((IntVector) ByteVector.fromMemorySegment(I8, w0, high + i, LE)
                                                                    .convertShape(
                                                                            VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                                            .lanewise(VectorOperators.LSHR, highShift)
                                                            .and(3)
                                                            .lanewise(VectorOperators.LSHL, 4))
                                            .sub(32)
                                            .convert(VectorOperators.I2F, 0))
                                    .mul(FloatVector.broadcast(F32, scales.get(Tensor.F32, s + i / 16 * 4L))),
                            a0);
                    a1 = v.fma(
                            ((FloatVector) ((IntVector) ByteVector.fromMemorySegment(I8, w1, low + i, LE)
                                                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                            .lanewise(VectorOperators.LSHR, lowShift)
                                            .and(15)
                                            .lanewise(
                                                    VectorOperators.OR,
                                                    ((IntVector) ByteVector.fromMemorySegment(I8, w1, high + i, LE)
                                                                    .convertShape(
                                                                            VectorOperators.ZERO_EXTEND_B2I, I32, 0))
                                                            .lanewise(VectorOperators.LSHR, highShift)
                                                            .and(3)
                                                            .lanewise(VectorOperators.LSHL, 4))
                                            .sub(32)
                                            .convert(VectorOperators.I2F, 0))
                                    .mul(FloatVector.broadcast(F32, scales.get(Tensor.F32, s + 256 + i / 16 * 4L))),
                            a1);
                }
            }
        }
        a0.intoMemorySegment(acc, accAt, LE);
        a1.intoMemorySegment(acc, accAt + BYTES, LE);
    }
}
