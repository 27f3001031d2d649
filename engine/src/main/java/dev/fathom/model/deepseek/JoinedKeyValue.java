package dev.fathom.model.deepseek;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * kv_b_proj put together from its two halves, exact in value: BF16 and F16 stay what they are, all other formats become
 * float32, because blocks of a transposed matrix run the wrong way.
 */
final class JoinedKeyValue {
    private JoinedKeyValue() {}

    /**
     * [heads * (nope + value), kvLora], of each head the key's rows first.
     *
     * @param kB  [heads * kvLora, nope], of each head transposed
     * @param vB  [heads * value, kvLora]
     */
    static WeightMatrix of(WeightMatrix kB, WeightMatrix vB, MlaConfig config, Arena arena) {
        int rows = Math.multiplyExact(config.heads(), config.expandedHeadDim());
        int cols = config.kvLoraRank();
        if (kB instanceof Bf16Matrix k && vB instanceof Bf16Matrix v) {
            return new Bf16Matrix(joinedShorts(k.data(), v.data(), config, arena), rows, cols);
        }
        if (kB instanceof F16Matrix k && vB instanceof F16Matrix v) {
            return new F16Matrix(joinedShorts(k.data(), v.data(), config, arena), rows, cols);
        }
        MemorySegment data = arena.allocate(Tensor.byteSize(rows, cols), 64);
        each(config, (to, fromKeys, row, col) -> data.set(Tensor.F32, 4 * to, (fromKeys ? kB : vB).get(row, col)));
        return new F32Matrix(data, rows, cols);
    }

    private static MemorySegment joinedShorts(MemorySegment kB, MemorySegment vB, MlaConfig config, Arena arena) {
        MemorySegment data = arena.allocate(2L * config.heads() * config.expandedHeadDim() * config.kvLoraRank(), 64);
        each(config, (to, fromKeys, row, col) -> {
            short bits = fromKeys
                    ? kB.get(Codecs.LE_SHORT, 2 * ((long) row * config.nopeHeadDim() + col))
                    : vB.get(Codecs.LE_SHORT, 2 * ((long) row * config.kvLoraRank() + col));
            data.set(Codecs.LE_SHORT, 2 * to, bits);
        });
        return data;
    }

    private interface Element {
        /**
         * @param to        number of the element in the joined matrix
         * @param fromKeys  whether it comes from the keys' half, from [row, col] there
         */
        void copy(long to, boolean fromKeys, int row, int col);
    }

    private static void each(MlaConfig config, Element element) {
        long to = 0;
        int latents = config.kvLoraRank();
        for (int head = 0; head < config.heads(); head++) {
            for (int key = 0; key < config.nopeHeadDim(); key++) {
                for (int latent = 0; latent < latents; latent++) {
                    element.copy(to++, true, head * latents + latent, key);
                }
            }
            for (int value = 0; value < config.valueHeadDim(); value++) {
                for (int latent = 0; latent < latents; latent++) {
                    element.copy(to++, false, head * config.valueHeadDim() + value, latent);
                }
            }
        }
    }
}
