package dev.fathom.kernels;

/**
 * How a token chooses its experts.
 *
 * @param scoring     probabilities from logits
 * @param experts     routed experts
 * @param topK        experts for each token
 * @param groups      experts are in this many equal groups; 1 for none
 * @param topGroups   only experts of this many best groups may be chosen
 * @param groupScore  what makes a group good
 * @param normalize   whether the chosen weights are divided by their sum (plus 1e-20)
 * @param scale       routed_scaling_factor, applied to the weights last
 * @see "DeepSeek-V2, arXiv 2405.04434, section 2.2.2; DeepSeek-V3, arXiv 2412.19437, section 2.1.2"
 */
public record RouterRule(
        Scoring scoring,
        int experts,
        int topK,
        int groups,
        int topGroups,
        GroupScore groupScore,
        boolean normalize,
        float scale) {

    /** Logits to scores, in float32. */
    public enum Scoring {
        SOFTMAX,
        SIGMOID
    }

    /** A group's score from its experts' (biased) scores. */
    public enum GroupScore {
        /** V2: the best expert's. */
        MAX,
        /** V3: the two best experts' sum. */
        TOP2_SUM
    }

    public RouterRule {
        if (topK < 1
                || topK > experts
                || groups < 1
                || experts % groups != 0
                || topGroups < 1
                || topGroups > groups
                || topK > experts / groups * topGroups) {
            throw new IllegalArgumentException("impossible routing: " + topK + " of " + experts + " experts from "
                    + topGroups + " of " + groups + " groups");
        }
    }
}
