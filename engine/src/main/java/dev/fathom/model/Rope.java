package dev.fathom.model;

import dev.fathom.kernels.KernelBackend;
import dev.fathom.tensor.Tensor;

/**
 * Rotary position embedding: the angle of each pair at each position. Angles are float32 products as in the references,
 * so that they round alike at large positions.
 *
 * @see "RoFormer, arXiv 2104.09864"
 */
public final class Rope {
    private final float[] inverseFrequency;
    private final float rotationScale;

    /**
     * @param inverseFrequency  angle per position of each pair, in radians
     * @param rotationScale     what cos and sin are multiplied with
     */
    public Rope(float[] inverseFrequency, float rotationScale) {
        this.inverseFrequency = inverseFrequency.clone();
        this.rotationScale = rotationScale;
    }

    /**
     * The angles per position before any stretching.
     *
     * @param width  numbers of a head that are rotated, two a pair
     * @param theta  rope_theta
     */
    public static float[] plain(int width, float theta) {
        float[] inverseFrequency = new float[width / 2];
        for (int pair = 0; pair < inverseFrequency.length; pair++) {
            inverseFrequency[pair] = 1 / positionsPerRadian(width, theta, pair);
        }
        return inverseFrequency;
    }

    /** Positions over which a pair turns by one radian, before any stretching. */
    public static float positionsPerRadian(int width, float theta, int pair) {
        return (float) Math.pow(theta, (float) (2 * pair) / width);
    }

    /** Angle per position of a pair, in radians. */
    public float inverseFrequency(int pair) {
        return inverseFrequency[pair];
    }

    /**
     * Cosines and sines of a step's rows.
     *
     * @param positions  [tokens]
     * @param cos        [tokens, pairs], overwritten
     * @param sin        [tokens, pairs], overwritten
     * @param kernels    whose memory they are in
     */
    public void rotations(int[] positions, Tensor cos, Tensor sin, KernelBackend kernels) {
        int pairs = inverseFrequency.length;
        float[] cosines = new float[Math.multiplyExact(positions.length, pairs)];
        float[] sines = new float[cosines.length];
        for (int row = 0; row < positions.length; row++) {
            for (int pair = 0; pair < pairs; pair++) {
                float angle = positions[row] * inverseFrequency[pair];
                cosines[row * pairs + pair] = (float) Math.cos(angle) * rotationScale;
                sines[row * pairs + pair] = (float) Math.sin(angle) * rotationScale;
            }
        }
        kernels.upload(cosines, cos);
        kernels.upload(sines, sin);
    }
}
