package dev.fathom.bench;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.DType;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/**
 * Normally distributed numbers and weights for kernel benchmarks. FP8 blocks are filled as a quantised weight fills them,
 * with the largest number of a block near 448: how many codes are subnormal decides how fast they decode.
 */
final class BenchData {
    private static final int BLOCK = 128;
    private static final double FP8_DEVIATION = 110;
    private static final double INT8_DEVIATION = 40;
    private static final int PATTERN = 1_000_003;
    private static final int BLOCKS = 4_001;

    private final Arena arena;
    private final SplittableRandom random = new SplittableRandom(1);

    BenchData(Arena arena) {
        this.arena = arena;
    }

    Tensor tensor(int rows, int cols) {
        Tensor tensor = new Tensor(arena.allocate(Tensor.byteSize(rows, cols), 64), rows, cols);
        for (long at = 0; at < Tensor.byteSize(rows, cols); at += 4) {
            tensor.data().set(Tensor.F32, at, (float) random.nextGaussian());
        }
        return tensor;
    }

    /** @param format  a name of {@link DType} or of {@link BlockFormat} */
    WeightMatrix weight(String format, int rows, int cols) {
        for (BlockFormat blocks : BlockFormat.values()) {
            if (blocks.name().equals(format)) {
                return blocks(blocks, rows, cols);
            }
        }
        return weight(DType.valueOf(format), rows, cols);
    }

    /** Random blocks, some thousand of them repeated, with scales of ordinary size. */
    private WeightMatrix blocks(BlockFormat format, int rows, int cols) {
        long bytes = format.rowBytes(cols) * rows;
        MemorySegment data = arena.allocate(bytes, 64);
        MemorySegment pattern = arena.allocate((long) BLOCKS * format.bytes(), 64);
        for (long at = 0; at < pattern.byteSize(); at++) {
            pattern.set(ValueLayout.JAVA_BYTE, at, (byte) random.nextInt());
        }
        for (long block = 0; block < pattern.byteSize(); block += format.bytes()) {
            switch (format) {
                case Q4_0, Q5_0, Q8_0, AWQ, IQ4_NL, IQ4_XS -> pattern.set(Codecs.LE_SHORT, block, scale());
                case Q4_1, Q5_1, Q4_K, Q5_K -> {
                    pattern.set(Codecs.LE_SHORT, block, scale());
                    pattern.set(Codecs.LE_SHORT, block + 2, scale());
                }
                case Q2_K -> {
                    pattern.set(Codecs.LE_SHORT, block + format.bytes() - 4, scale());
                    pattern.set(Codecs.LE_SHORT, block + format.bytes() - 2, scale());
                }
                case Q6_K, Q3_K -> pattern.set(Codecs.LE_SHORT, block + format.bytes() - 2, scale());
            }
        }
        for (long at = 0; at < bytes; at += pattern.byteSize()) {
            MemorySegment.copy(pattern, 0, data, at, Math.min(pattern.byteSize(), bytes - at));
        }
        return new BlockMatrix(format, data, rows, cols);
    }

    private short scale() {
        return Float.floatToFloat16((float) (0.01 * (1 + random.nextDouble())));
    }

    /** A million random numbers, repeated. */
    WeightMatrix weight(DType type, int rows, int cols) {
        long bytes = (long) rows * cols * type.bytes();
        MemorySegment data = arena.allocate(bytes, 64);
        MemorySegment pattern = pattern(type);
        for (long at = 0; at < bytes; at += pattern.byteSize()) {
            MemorySegment.copy(pattern, 0, data, at, Math.min(pattern.byteSize(), bytes - at));
        }
        return switch (type) {
            case F32 -> new F32Matrix(data, rows, cols);
            case BF16 -> new Bf16Matrix(data, rows, cols);
            case F16 -> new F16Matrix(data, rows, cols);
            case F8_E4M3 -> {
                int scaleRows = Math.ceilDiv(rows, BLOCK);
                int scaleCols = Math.ceilDiv(cols, BLOCK);
                MemorySegment memory = arena.allocate(Tensor.byteSize(scaleRows, scaleCols), 64);
                Tensor scales = new Tensor(memory, scaleRows, scaleCols);
                scales.fill((float) (1 / FP8_DEVIATION));
                yield new Fp8BlockMatrix(data, scales, rows, cols, BLOCK, BLOCK);
            }
            case I8 -> {
                Tensor scales = new Tensor(arena.allocate(Tensor.byteSize(rows, 1), 64), rows, 1);
                scales.fill((float) (1 / INT8_DEVIATION));
                yield new Int8Matrix(data, scales, rows, cols, 1, cols);
            }
        };
    }

    private MemorySegment pattern(DType type) {
        MemorySegment data = arena.allocate((long) PATTERN * type.bytes(), 64);
        for (long i = 0; i < PATTERN; i++) {
            float value = (float) random.nextGaussian();
            switch (type) {
                case F32 -> data.set(Tensor.F32, 4 * i, value);
                case BF16 -> data.set(Codecs.LE_SHORT, 2 * i, Codecs.floatToBf16(value));
                case I8 ->
                    data.set(ValueLayout.JAVA_BYTE, i, (byte) Math.clamp((int) (INT8_DEVIATION * value), -127, 127));
                case F16 -> data.set(Codecs.LE_SHORT, 2 * i, Float.floatToFloat16(value));
                case F8_E4M3 -> data.set(ValueLayout.JAVA_BYTE, i, Codecs.floatToE4m3((float) (FP8_DEVIATION * value)));
            }
        }
        return data;
    }
}
