package dev.fathom.engine;

/**
 * Which share of its remaining tokens a running request is expected to need cache slots for, when a new one asks to be
 * admitted. It falls while all goes well and rises when memory ran out (SGLang's rule and numbers).
 */
final class NewTokenRatio {
    private static final double INITIAL = 0.7;
    private static final double LEAST_SHARE = 0.14;
    private static final int DECAY_STEPS = 600;
    /** Tokens each running request should be able to go on for after a retraction. */
    private static final int HEADROOM = 20;

    private final double initial;
    private final double least;
    private final double decay;
    private double value;

    /** @param conservativeness  scales the ratio, see {@link Admission} */
    NewTokenRatio(double conservativeness) {
        initial = Math.min(1, INITIAL * conservativeness);
        least = LEAST_SHARE * initial;
        decay = (initial - least) / DECAY_STEPS;
        value = initial;
    }

    double value() {
        return value;
    }

    void afterDecode() {
        value = Math.max(least, value - decay);
    }

    /**
     * @param generated  tokens the requests that still run have generated
     * @param requests   how many these are
     * @param wanted     most tokens they generate in all
     */
    void afterRetraction(long generated, int requests, long wanted) {
        double needed = (generated + (double) HEADROOM * requests) / Math.max(1, wanted);
        value = Math.min(1, Math.max(value, needed));
    }

    void reset() {
        value = initial;
    }
}
