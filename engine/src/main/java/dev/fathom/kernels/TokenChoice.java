package dev.fathom.kernels;

/**
 * How a token is chosen by a row of logits. A token weighs exp((logit - largest) / temperature), rounded to float32; it is drawn
 * with a chance in proportion to that among those that are left in. In the order of falling logits, and of equal ones of rising ids,
 * topK, topP and minP each leave in a beginning: so many; until the sum of the weights is beyond topP times the sum of all weights;
 * those that weigh at least minP.
 *
 * @param temperature  positive; not looked at where {@code topK} is 1
 * @param topK         1 takes the largest logit; {@link #ALL} is no bound
 * @param topP         in (0, 1]; 1 is no bound
 * @param minP         in [0, 1]
 * @param uniform      the draw, in [0, 1): the token at which the running sum of weights is first beyond this share of the sum of
 *                     those left in, taken in falling order; in the order of ids where neither topK nor topP bounds
 */
public record TokenChoice(float temperature, int topK, float topP, float minP, double uniform) {
    public static final int ALL = -1;

    /** The largest logit, the lowest id of equal ones. */
    public static final TokenChoice LARGEST = new TokenChoice(1, 1, 1, 0, 0);

    public TokenChoice {
        if (!(temperature > 0) || (topK < 1 && topK != ALL) || !(topP > 0) || topP > 1 || !(minP >= 0) || minP > 1) {
            throw new IllegalArgumentException("no choice of a token: temperature " + temperature + ", topK " + topK
                    + ", topP " + topP + ", minP " + minP);
        }
    }

    public boolean isLargest() {
        return topK == 1;
    }

    /** Whether every token may be drawn but for minP. */
    public boolean isFromAll() {
        return topK == ALL && topP == 1;
    }
}
