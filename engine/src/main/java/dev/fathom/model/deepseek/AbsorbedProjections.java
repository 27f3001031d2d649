package dev.fathom.model.deepseek;

import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.DType;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * kv_b_proj cut into what the absorbed form multiplies with: for each head W_UK transposed, which takes a query into the
 * latent space, and W_UV, which brings the attended latent out of it.
 *
 * <p>Both are copies made at load, exact in value: BF16, F16 and F32 keep their format; FP8 and INT8 are decoded to
 * float32, because heads may begin inside a block. Memory for each layer: heads * (nope + value) * kvLora elements; for
 * DeepSeek-V3 in FP8 that is 67 MB a layer, 4.1 GB in all.
 *
 * @param toLatent    from nopeHeadDim to kvLoraRank, for each head
 * @param fromLatent  from kvLoraRank to valueHeadDim, for each head
 */
record AbsorbedProjections(HeadsKernel toLatent, HeadsKernel fromLatent) {
    /** @param kvB [heads * (nope + value), kvLora], of each head the key's rows first */
    static AbsorbedProjections of(WeightMatrix kvB, MlaConfig config, KernelBackend kernels, Arena arena) {
        int heads = config.heads();
        return new AbsorbedProjections(
                kernels.bindHeads(keysTransposed(kvB, config, arena), heads),
                kernels.bindHeads(values(kvB, config, arena), heads));
    }

    /**
     * Where the checkpoint has the two halves as they are used here: mapped, no copies.
     *
     * @param kB  [heads * kvLora, nope], of each head transposed
     * @param vB  [heads * value, kvLora]
     */
    static AbsorbedProjections stored(WeightMatrix kB, WeightMatrix vB, MlaConfig config, KernelBackend kernels) {
        return new AbsorbedProjections(kernels.bindHeads(kB, config.heads()), kernels.bindHeads(vB, config.heads()));
    }

    /** [heads * kvLora, nope]. */
    static WeightMatrix keysTransposed(WeightMatrix kvB, MlaConfig config, Arena arena) {
        int rows = Math.multiplyExact(config.heads(), config.kvLoraRank());
        MemorySegment data = allocate(kvB, rows, config.nopeHeadDim(), arena);
        long at = 0;
        for (int head = 0; head < config.heads(); head++) {
            int firstRow = head * config.expandedHeadDim();
            for (int latent = 0; latent < config.kvLoraRank(); latent++) {
                for (int row = firstRow; row < firstRow + config.nopeHeadDim(); row++) {
                    copyElement(kvB, row, latent, data, at++);
                }
            }
        }
        return inFormatOf(kvB, data, rows, config.nopeHeadDim());
    }

    /** [heads * value, kvLora]. */
    static WeightMatrix values(WeightMatrix kvB, MlaConfig config, Arena arena) {
        int rows = Math.multiplyExact(config.heads(), config.valueHeadDim());
        MemorySegment data = allocate(kvB, rows, config.kvLoraRank(), arena);
        long at = 0;
        for (int head = 0; head < config.heads(); head++) {
            int firstRow = head * config.expandedHeadDim() + config.nopeHeadDim();
            for (int row = firstRow; row < firstRow + config.valueHeadDim(); row++) {
                for (int latent = 0; latent < config.kvLoraRank(); latent++) {
                    copyElement(kvB, row, latent, data, at++);
                }
            }
        }
        return inFormatOf(kvB, data, rows, config.kvLoraRank());
    }

    private static MemorySegment allocate(WeightMatrix like, int rows, int cols, Arena arena) {
        DType copied = switch (like) {
            case WeightMatrix.Bf16Matrix same -> DType.BF16;
            case WeightMatrix.F16Matrix same -> DType.F16;
            case WeightMatrix.F32Matrix same -> DType.F32;
            case WeightMatrix.Fp8BlockMatrix decoded -> DType.F32;
            case WeightMatrix.Int8Matrix decoded -> DType.F32;
            case WeightMatrix.BlockMatrix decoded -> DType.F32;
        };
        return arena.allocate(Math.multiplyExact((long) copied.bytes() * rows, cols), 64);
    }

    private static void copyElement(WeightMatrix from, int row, int col, MemorySegment to, long index) {
        switch (from) {
            case WeightMatrix.Bf16Matrix w -> copyShort(w.data(), (long) row * w.cols() + col, to, index);
            case WeightMatrix.F16Matrix w -> copyShort(w.data(), (long) row * w.cols() + col, to, index);
            case WeightMatrix.F32Matrix w -> to.set(Tensor.F32, 4 * index, w.get(row, col));
            case WeightMatrix.Fp8BlockMatrix w -> to.set(Tensor.F32, 4 * index, w.get(row, col));
            case WeightMatrix.Int8Matrix w -> to.set(Tensor.F32, 4 * index, w.get(row, col));
            case WeightMatrix.BlockMatrix w -> to.set(Tensor.F32, 4 * index, w.get(row, col));
        }
    }

    private static void copyShort(MemorySegment from, long fromIndex, MemorySegment to, long toIndex) {
        to.set(Codecs.LE_SHORT, 2 * toIndex, from.get(Codecs.LE_SHORT, 2 * fromIndex));
    }

    private static WeightMatrix inFormatOf(WeightMatrix like, MemorySegment data, int rows, int cols) {
        return switch (like) {
            case WeightMatrix.Bf16Matrix same -> new WeightMatrix.Bf16Matrix(data, rows, cols);
            case WeightMatrix.F16Matrix same -> new WeightMatrix.F16Matrix(data, rows, cols);
            case WeightMatrix.F32Matrix same -> new WeightMatrix.F32Matrix(data, rows, cols);
            case WeightMatrix.Fp8BlockMatrix decoded -> new WeightMatrix.F32Matrix(data, rows, cols);
            case WeightMatrix.Int8Matrix decoded -> new WeightMatrix.F32Matrix(data, rows, cols);
            case WeightMatrix.BlockMatrix decoded -> new WeightMatrix.F32Matrix(data, rows, cols);
        };
    }
}
