package dev.fathom.model.deepseek;

import dev.fathom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Rotary position embedding: the angle of each pair at each position. Angles are float32 products as in the reference,
 * so that they round alike at large positions.
 *
 * @see "DeepSeek-V3, modeling_deepseek.py, DeepseekV3RotaryEmbedding"
 */
final class Rope {
    private final float[] inverseFrequency;
    private final float rotationScale;
    private final double softmaxFactor;

    /**
     * @param theta  rope_theta
     * @param yarn   null for plain rope
     */
    Rope(int ropeHeadDim, float theta, @Nullable YarnConfig yarn) {
        inverseFrequency = new float[ropeHeadDim / 2];
        for (int i = 0; i < inverseFrequency.length; i++) {
            inverseFrequency[i] = 1 / power(theta, i, ropeHeadDim);
        }
        if (yarn == null) {
            rotationScale = 1;
            softmaxFactor = 1;
            return;
        }
        rotationScale = yarn.rotationScale();
        softmaxFactor = yarn.softmaxFactor();
        float start = yarn.rampStart(ropeHeadDim, theta);
        float end = yarn.rampEnd(ropeHeadDim, theta);
        float length = end == start ? 0.001f : end - start;
        for (int i = 0; i < inverseFrequency.length; i++) {
            float kept = 1 - Math.clamp((i - start) / length, 0f, 1f);
            float stretched = 1 / (yarn.factor() * power(theta, i, ropeHeadDim));
            inverseFrequency[i] = stretched * (1 - kept) + inverseFrequency[i] * kept;
        }
    }

    /** Angle per position of each pair, in radians. */
    float inverseFrequency(int pair) {
        return inverseFrequency[pair];
    }

    /** What the softmax scale is multiplied with; 1 without YaRN. */
    double softmaxFactor() {
        return softmaxFactor;
    }

    /**
     * Cosines and sines of a step's rows.
     *
     * @param positions  [tokens]
     * @param cos        [tokens, ropeHeadDim / 2], overwritten
     * @param sin        [tokens, ropeHeadDim / 2], overwritten
     */
    void rotations(int[] positions, Tensor cos, Tensor sin) {
        for (int row = 0; row < positions.length; row++) {
            for (int pair = 0; pair < inverseFrequency.length; pair++) {
                float angle = positions[row] * inverseFrequency[pair];
                cos.set(row, pair, (float) Math.cos(angle) * rotationScale);
                sin.set(row, pair, (float) Math.sin(angle) * rotationScale);
            }
        }
    }

    private static float power(float theta, int pair, int ropeHeadDim) {
        return (float) Math.pow(theta, (float) (2 * pair) / ropeHeadDim);
    }
}
