package dev.fathom.kernels;

import dev.fathom.tensor.WeightMatrix;

/**
 * One expert.
 *
 * @param gate  [inner, hidden]
 * @param up    [inner, hidden]
 * @param down  [hidden, inner]
 */
public record ExpertWeights(WeightMatrix gate, WeightMatrix up, WeightMatrix down) {
    public ExpertWeights {
        if (gate.rows() != up.rows()
                || gate.cols() != up.cols()
                || down.rows() != gate.cols()
                || down.cols() != gate.rows()) {
            throw new IllegalArgumentException("an expert's shapes disagree: gate [" + gate.rows() + ", " + gate.cols()
                    + "], up [" + up.rows() + ", " + up.cols() + "], down [" + down.rows() + ", " + down.cols() + "]");
        }
    }
}
