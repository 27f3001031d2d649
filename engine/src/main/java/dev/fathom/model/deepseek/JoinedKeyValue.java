package dev.fathom.model.deepseek;

import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.util.stream.IntStream;

/**
 * kv_b_proj put together from its two halves ({@link CopiedWeight}), because blocks of a transposed matrix run the wrong way.
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
        int latents = config.kvLoraRank();
        int values = config.valueHeadDim();
        int rows = Math.multiplyExact(config.heads(), config.expandedHeadDim());
        CopiedWeight joined = new CopiedWeight(kB, vB, rows, latents, arena);
        IntStream.range(0, config.heads()).parallel().forEach(head -> {
            int first = head * config.expandedHeadDim();
            joined.transposed(kB, head * latents, latents, first);
            joined.rows(vB, head * values, values, first + config.nopeHeadDim());
        });
        return joined.matrix();
    }
}
