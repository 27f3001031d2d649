package dev.fathom.kernels.cuda;

import dev.fathom.kernels.RoundedInput;
import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * {@code struct Weight} of storage.cuh: a weight on the device, or the first of several alike.
 *
 * @param format     as the kernels' names have it
 * @param data       address
 * @param scales     address; 0 but for FP8 and INT8, as are blockRows and blockCols
 * @param neighbours numbers that a thread takes from a row at once
 * @param hasNan     whether FP8 codes of NaN are among the numbers
 * @param inputGroup columns of x that are rounded together before they meet it; {@link RoundedInput#NONE} for none
 */
record DeviceMatrix(
        String format,
        long data,
        long scales,
        int rows,
        int cols,
        long blockRows,
        long blockCols,
        int neighbours,
        boolean hasNan,
        int inputGroup) {
    private static final int TENSOR_CHUNK = 128;

    /** Of BF16 the last chunk may be half of one. */
    private static final int HALF_CHUNK = 64;

    /** Whether the kernels of tensor.cu can multiply it. */
    boolean forTensorCores() {
        boolean bf16 = format.equals("BF16") && cols % HALF_CHUNK == 0;
        return bf16 || (format.equals("FP8") && cols % TENSOR_CHUNK == 0 && blockCols == TENSOR_CHUNK && !hasNan);
    }

    DeviceMatrix withNan(boolean found) {
        return new DeviceMatrix(format, data, scales, rows, cols, blockRows, blockCols, neighbours, found, inputGroup);
    }

    /** @param weight  in device memory */
    static DeviceMatrix of(WeightMatrix weight) {
        return switch (weight) {
            case Int8Matrix w ->
                blocks(w, DeviceMemory.address(w.data(), "weight"), DeviceMemory.address(w.scales(), "scales"));
            case F32Matrix w -> plain("F32", w.data(), w, 4);
            case Bf16Matrix w -> plain("BF16", w.data(), w, 8);
            case F16Matrix w -> plain("F16", w.data(), w, 8);
            case BlockMatrix w -> plain(w.format().name(), w.data(), w, 1);
            case Fp8BlockMatrix w ->
                blocks(w, DeviceMemory.address(w.data(), "weight"), DeviceMemory.address(w.scales(), "scales"));
        };
    }

    private static DeviceMatrix blocks(Fp8BlockMatrix weight, long data, long scales) {
        return blocks("FP8", weight, new Blocks(weight.blockRows(), weight.blockCols()), data, scales);
    }

    private static DeviceMatrix blocks(Int8Matrix weight, long data, long scales) {
        return blocks("INT8", weight, new Blocks(weight.blockRows(), weight.blockCols()), data, scales);
    }

    /** Numbers that share a scale. */
    private record Blocks(int rows, int cols) {}

    private static DeviceMatrix blocks(String format, WeightMatrix weight, Blocks blocks, long data, long scales) {
        boolean whole = weight.cols() % 8 == 0 && blocks.cols % 8 == 0;
        return new DeviceMatrix(
                format,
                data,
                scales,
                weight.rows(),
                weight.cols(),
                blocks.rows,
                blocks.cols,
                whole ? 8 : 1,
                true,
                RoundedInput.group(weight));
    }

    private static DeviceMatrix plain(String format, MemorySegment data, WeightMatrix weight, int neighbours) {
        return new DeviceMatrix(
                format,
                DeviceMemory.address(data, "weight"),
                0,
                weight.rows(),
                weight.cols(),
                0,
                0,
                weight.cols() % neighbours == 0 ? neighbours : 1,
                false,
                RoundedInput.group(weight));
    }

    /** The same weight on the device, scales included. */
    static WeightMatrix copy(WeightMatrix weight, CudaDevice device) {
        return switch (weight) {
            case Int8Matrix w ->
                new Int8Matrix(
                        copy(w.data(), device),
                        copy(w.scales(), device),
                        w.rows(),
                        w.cols(),
                        w.blockRows(),
                        w.blockCols());
            case F32Matrix w -> new F32Matrix(copy(w.data(), device), w.rows(), w.cols());
            case Bf16Matrix w -> new Bf16Matrix(copy(w.data(), device), w.rows(), w.cols());
            case F16Matrix w -> new F16Matrix(copy(w.data(), device), w.rows(), w.cols());
            case BlockMatrix w -> new BlockMatrix(w.format(), copy(w.data(), device), w.rows(), w.cols());
            case Fp8BlockMatrix w ->
                new Fp8BlockMatrix(
                        copy(w.data(), device),
                        copy(w.scales(), device),
                        w.rows(),
                        w.cols(),
                        w.blockRows(),
                        w.blockCols());
        };
    }

    static Tensor copy(Tensor tensor, CudaDevice device) {
        return new Tensor(copy(tensor.data(), device), tensor.rows(), tensor.cols());
    }

    private static MemorySegment copy(MemorySegment memory, CudaDevice device) {
        return DeviceMemory.holds(memory) ? memory : device.copy(memory);
    }

    /**
     * Weights of one shape and format, one behind the other.
     *
     * @param dataBytes   from one to the next
     * @param scaleCount  of each; 0 but for FP8
     */
    record Stacked(DeviceMatrix first, long dataBytes, long scaleCount) {}

    static Stacked stack(List<WeightMatrix> weights, CudaDevice device) {
        WeightMatrix first = weights.getFirst();
        long dataBytes = data(first).byteSize();
        MemorySegment data = device.allocate(Math.multiplyExact(dataBytes, weights.size()));
        for (int i = 0; i < weights.size(); i++) {
            device.copy(data(weights.get(i)), data.asSlice(i * dataBytes, dataBytes));
        }
        return switch (first) {
            case Int8Matrix w -> {
                MemorySegment scales = stackScales(weights, device);
                yield new Stacked(
                        blocks(w, data.address(), scales.address()), dataBytes, scales.byteSize() / 4 / weights.size());
            }
            case F32Matrix w -> new Stacked(plain("F32", data, w, 4), dataBytes, 0);
            case Bf16Matrix w -> new Stacked(plain("BF16", data, w, 8), dataBytes, 0);
            case F16Matrix w -> new Stacked(plain("F16", data, w, 8), dataBytes, 0);
            case BlockMatrix w -> new Stacked(plain(w.format().name(), data, w, 1), dataBytes, 0);
            case Fp8BlockMatrix w -> {
                MemorySegment scales = stackScales(weights, device);
                yield new Stacked(
                        blocks(w, data.address(), scales.address()), dataBytes, scales.byteSize() / 4 / weights.size());
            }
        };
    }

    private static MemorySegment stackScales(List<WeightMatrix> weights, CudaDevice device) {
        Tensor first = scales(weights.getFirst());
        long bytes = Tensor.byteSize(first.rows(), first.cols());
        MemorySegment all = device.allocate(Math.multiplyExact(bytes, weights.size()));
        for (int i = 0; i < weights.size(); i++) {
            device.copy(scales(weights.get(i)).data().asSlice(0, bytes), all.asSlice(i * bytes, bytes));
        }
        return all;
    }

    private static Tensor scales(WeightMatrix weight) {
        return switch (weight) {
            case Int8Matrix w -> w.scales();
            case Fp8BlockMatrix w -> w.scales();
            case F32Matrix w -> throw new IllegalArgumentException("F32 has no scales");
            case Bf16Matrix w -> throw new IllegalArgumentException("BF16 has no scales");
            case F16Matrix w -> throw new IllegalArgumentException("F16 has no scales");
            case BlockMatrix w -> throw new IllegalArgumentException(w.format() + " keeps its scales in its blocks");
        };
    }

    private static MemorySegment data(WeightMatrix weight) {
        return switch (weight) {
            case Int8Matrix w -> w.data();
            case F32Matrix w -> w.data();
            case Bf16Matrix w -> w.data();
            case F16Matrix w -> w.data();
            case BlockMatrix w -> w.data();
            case Fp8BlockMatrix w -> w.data();
        };
    }

    /** Scales not counted. */
    double bytesOfNumber() {
        return switch (format) {
            case "F32" -> 4;
            case "BF16", "F16" -> 2;
            case "FP8", "INT8" -> 1;
            default -> (double) BlockFormat.valueOf(format).rowBytes(cols) / cols;
        };
    }

    /** Columns of scales. */
    private long scaleCols() {
        return blockCols == 0 ? 0 : Math.ceilDiv(cols, blockCols);
    }

    /** Writes the struct, as a weight of {@code outputs} rows. */
    Launch put(Launch launch, int outputs) {
        return launch.put(data)
                .put(scales)
                .put((long) outputs)
                .put((long) cols)
                .put(blockRows)
                .put(blockCols)
                .put(scaleCols());
    }
}
