package dev.fathom.model.deepseek;

import dev.fathom.model.Rope;

/**
 * YaRN, which stretches rope to contexts longer than it was trained on.
 *
 * @param factor                         how much longer
 * @param originalMaxPositionEmbeddings  tokens before stretching
 * @param betaFast                       dimensions that turn more often than this over the original context stay
 * @param betaSlow                       dimensions that turn less often than this are stretched in full
 * @param mscale                         see {@link #rotationScale}
 * @param mscaleAllDim                   see {@link #softmaxFactor}
 * @see "YaRN, arXiv 2309.00071, section 3.2 and appendix A.2; DeepSeek-V3 modeling_deepseek.py,
 *     DeepseekV3YarnRotaryEmbedding"
 */
record YarnConfig(
        float factor,
        int originalMaxPositionEmbeddings,
        float betaFast,
        float betaSlow,
        float mscale,
        float mscaleAllDim) {
    YarnConfig {
        if (!(factor >= 1) || originalMaxPositionEmbeddings < 1 || !(betaFast >= betaSlow) || !(betaSlow > 0)) {
            throw new IllegalArgumentException(
                    "impossible YaRN: factor " + factor + ", original_max_position_embeddings "
                            + originalMaxPositionEmbeddings + ", beta_fast " + betaFast + ", beta_slow " + betaSlow);
        }
    }

    /** What cos and sin are multiplied with; 1 for every released DeepSeek model. */
    float rotationScale() {
        return (float) (magnitude(mscale) / magnitude(mscaleAllDim));
    }

    /** What the softmax scale is multiplied with. */
    double softmaxFactor() {
        double magnitude = magnitude(mscaleAllDim);
        return magnitude * magnitude;
    }

    /** Index of the first rotated pair that is stretched at all, not below 0. */
    int rampStart(int ropeHeadDim, double theta) {
        return Math.max(0, (int) Math.floor(pairThatTurns(betaFast, ropeHeadDim, theta)));
    }

    /** Index of the first rotated pair that is stretched in full, not above ropeHeadDim - 1. */
    int rampEnd(int ropeHeadDim, double theta) {
        return Math.min(ropeHeadDim - 1, (int) Math.ceil(pairThatTurns(betaSlow, ropeHeadDim, theta)));
    }

    /** Fast pairs as they are, slow ones stretched by the factor, a linear ramp between. */
    Rope rope(int ropeHeadDim, float theta) {
        float[] inverseFrequency = Rope.plain(ropeHeadDim, theta);
        float start = rampStart(ropeHeadDim, theta);
        float end = rampEnd(ropeHeadDim, theta);
        float length = end == start ? 0.001f : end - start;
        for (int i = 0; i < inverseFrequency.length; i++) {
            float kept = 1 - Math.clamp((i - start) / length, 0f, 1f);
            float stretched = 1 / (factor * Rope.positionsPerRadian(ropeHeadDim, theta, i));
            inverseFrequency[i] = stretched * (1 - kept) + inverseFrequency[i] * kept;
        }
        return new Rope(inverseFrequency, rotationScale());
    }

    private double magnitude(double scale) {
        return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    }

    /** The (fractional) pair index whose angle makes {@code turns} full turns over the original context. */
    private double pairThatTurns(double turns, int ropeHeadDim, double theta) {
        return ropeHeadDim * Math.log(originalMaxPositionEmbeddings / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
    }
}
