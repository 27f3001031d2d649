package dev.fathom.model.deepseek;

import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.util.stream.IntStream;

/**
 * kv_b_proj cut into what the absorbed form multiplies with: for each head W_UK transposed, which takes a query into the
 * latent space, and W_UV, which brings the attended latent out of it.
 *
 * <p>Both are copies made at load, exact in value: BF16, F16 and F32 keep their format; INT8 is decoded to float32, as is FP8
 * where heads begin inside blocks or the backend multiplies it no faster ({@link KernelBackend#keepsHeadsInFp8}). Memory for
 * each layer: heads * (nope + value) * kvLora elements; for DeepSeek-V3 that is 67 MB in float32, 4.1 GB in all, and a
 * quarter of it in FP8.
 *
 * @param toLatent    from nopeHeadDim to kvLoraRank, for each head
 * @param fromLatent  from kvLoraRank to valueHeadDim, for each head
 */
record AbsorbedProjections(HeadsKernel toLatent, HeadsKernel fromLatent) {
    /** @param kvB [heads * (nope + value), kvLora], of each head the key's rows first */
    static AbsorbedProjections of(WeightMatrix kvB, MlaConfig config, KernelBackend kernels, Arena arena) {
        int heads = config.heads();
        if (kvB instanceof WeightMatrix.Fp8BlockMatrix fp8
                && kernels.keepsHeadsInFp8()
                && AbsorbedFp8.fits(fp8, config)) {
            return new AbsorbedProjections(
                    kernels.bindHeads(AbsorbedFp8.keysTransposed(fp8, config, arena), heads),
                    kernels.bindHeads(AbsorbedFp8.values(fp8, config, arena), heads));
        }
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
        int latents = config.kvLoraRank();
        int keys = config.nopeHeadDim();
        CopiedWeight copy = new CopiedWeight(kvB, kvB, Math.multiplyExact(config.heads(), latents), keys, arena);
        IntStream.range(0, config.heads())
                .parallel()
                .forEach(head -> copy.transposed(kvB, head * config.expandedHeadDim(), keys, head * latents));
        return copy.matrix();
    }

    /** [heads * value, kvLora]. */
    static WeightMatrix values(WeightMatrix kvB, MlaConfig config, Arena arena) {
        int values = config.valueHeadDim();
        int rows = Math.multiplyExact(config.heads(), values);
        CopiedWeight copy = new CopiedWeight(kvB, kvB, rows, config.kvLoraRank(), arena);
        IntStream.range(0, config.heads()).parallel().forEach(head -> {
            int first = head * config.expandedHeadDim() + config.nopeHeadDim();
            copy.rows(kvB, first, values, head * values);
        });
        return copy.matrix();
    }
}
