package dev.fathom.model.deepseek;

import dev.fathom.kernels.RouterRule;

/**
 * Mixture of experts.
 *
 * @param rule                 how a token chooses its routed experts
 * @param correctionBias       whether the choice adds mlp.gate.e_score_correction_bias (V3; V2 has none)
 * @param moeIntermediateSize  moe_intermediate_size: inner width of one expert
 * @param sharedExperts        n_shared_experts: they are one MLP of sharedExperts * moeIntermediateSize; 0 for none
 */
record MoeConfig(RouterRule rule, boolean correctionBias, int moeIntermediateSize, int sharedExperts) {
    MoeConfig {
        if (moeIntermediateSize < 1 || sharedExperts < 0) {
            throw new IllegalArgumentException(
                    "moe_intermediate_size must be positive and n_shared_experts not negative," + " the config says "
                            + moeIntermediateSize + " and " + sharedExperts);
        }
    }

    int sharedIntermediateSize() {
        return Math.multiplyExact(sharedExperts, moeIntermediateSize);
    }
}
