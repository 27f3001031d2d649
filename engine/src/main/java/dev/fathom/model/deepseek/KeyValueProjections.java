package dev.fathom.model.deepseek;

import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.AttentionForm;
import dev.fathom.tensor.WeightMatrix;
import org.jspecify.annotations.Nullable;

/**
 * kv_b_proj as the two forms of attention use it. Published checkpoints store it whole, which the expanded form takes as
 * it is and the absorbed form as copies; GGUF files store k_b_proj and v_b_proj, which the absorbed form takes as they are
 * and from which the expanded form's matrix is put together (decision 009).
 *
 * @param expanding  from a latent to every head's key and value; null where only the absorbed form runs
 * @param absorbed   null where only the expanded form runs
 */
record KeyValueProjections(
        @Nullable LinearKernel expanding, @Nullable AbsorbedProjections absorbed) {
    /** @param weights at self_attn */
    static KeyValueProjections load(LayerWeights weights) {
        MlaConfig config = weights.config().attention();
        AttentionForm form = form(weights);
        boolean whole = weights.contains("kv_b_proj.weight") || !weights.contains("k_b_proj.weight");
        return whole ? whole(weights, config, form) : split(weights, config, form);
    }

    /** Sparse attention is always absorbed: where the expanded form is wanted too, both are loaded. */
    private static AttentionForm form(LayerWeights weights) {
        AttentionForm wanted = weights.options().attentionForm();
        boolean sparse = weights.config().indexer() != null;
        return sparse && wanted == AttentionForm.EXPANDED ? AttentionForm.AUTO : wanted;
    }

    private static KeyValueProjections whole(LayerWeights weights, MlaConfig config, AttentionForm form) {
        WeightMatrix kvB = weights.matrix(
                "kv_b_proj.weight", Math.multiplyExact(config.heads(), config.expandedHeadDim()), config.kvLoraRank());
        return new KeyValueProjections(
                weights.kernels().bind(kvB),
                form == AttentionForm.EXPANDED
                        ? null
                        : AbsorbedProjections.of(kvB, config, weights.kernels(), weights.arena()));
    }

    private static KeyValueProjections split(LayerWeights weights, MlaConfig config, AttentionForm form) {
        WeightMatrix kB = weights.matrix(
                "k_b_proj.weight", Math.multiplyExact(config.heads(), config.kvLoraRank()), config.nopeHeadDim());
        WeightMatrix vB = weights.matrix(
                "v_b_proj.weight", Math.multiplyExact(config.heads(), config.valueHeadDim()), config.kvLoraRank());
        return new KeyValueProjections(
                form == AttentionForm.ABSORBED
                        ? null
                        : weights.kernels().bind(JoinedKeyValue.of(kB, vB, config, weights.arena())),
                form == AttentionForm.EXPANDED ? null : AbsorbedProjections.stored(kB, vB, config, weights.kernels()));
    }
}
