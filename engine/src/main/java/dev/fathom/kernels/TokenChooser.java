package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** What {@link TokenChoice} means, computed on the host. Not thread-safe: it owns its working arrays. */
public final class TokenChooser {
    /** A choice among the likeliest needs more of them than it was given. */
    public static final int NEEDS_MORE = -2;

    /** Logits by which nothing can be chosen. */
    public static final int NOT_FINITE = -1;

    /** So many of the likeliest are looked at first where topP bounds. */
    public static final int FIRST_SELECTION = 64;

    private final TopSelection top = new TopSelection();
    private float[] row = {};
    private float[] weights = {};
    private float[] ranked = {};

    /**
     * By a row of logits that the host can read.
     *
     * @return the token's id, or {@link #NOT_FINITE} where a logit is NaN or infinite, or all are negative infinity
     */
    public int choose(Tensor logits, int from, TokenChoice choice) {
        if (row.length != logits.cols()) {
            row = new float[logits.cols()];
        }
        MemorySegment.copy(logits.data(), Tensor.F32, logits.offset(from, 0), row, 0, row.length);
        return areFinite(row) ? choose(row, choice) : NOT_FINITE;
    }

    /**
     * @param logits  numbers below infinity, one of them above negative infinity
     * @return the token's id
     */
    public int choose(float[] logits, TokenChoice choice) {
        int best = largest(logits);
        if (choice.isLargest()) {
            return best;
        }
        if (weights.length < logits.length) {
            weights = new float[logits.length];
        }
        return choice.isFromAll()
                ? drawFromAll(logits, logits[best], choice)
                : drawFromBest(logits, logits[best], choice);
    }

    /** Whether a token can be chosen by these. */
    public static boolean areFinite(float[] logits) {
        boolean some = false;
        for (float logit : logits) {
            if (!(logit < Float.POSITIVE_INFINITY)) {
                return false;
            }
            some |= logit > Float.NEGATIVE_INFINITY;
        }
        return some;
    }

    /** Id of the largest logit, the lowest id of equal ones. */
    public static int largest(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }

    private int drawFromAll(float[] logits, float largest, TokenChoice choice) {
        double target = choice.uniform() * weigh(logits, largest, choice.temperature(), choice.minP());
        double sum = 0;
        int last = -1;
        for (int i = 0; i < logits.length; i++) {
            if (weights[i] > 0) {
                sum += weights[i];
                last = i;
                if (sum > target) {
                    return i;
                }
            }
        }
        return last;
    }

    private int drawFromBest(float[] logits, float largest, TokenChoice choice) {
        double total = choice.topP() < 1 ? weigh(logits, largest, choice.temperature(), 0) : 0;
        int selected = firstSelection(choice, logits.length);
        while (true) {
            top.select(logits, logits.length, selected);
            if (ranked.length < selected) {
                ranked = new float[selected];
            }
            for (int rank = 0; rank < selected; rank++) {
                ranked[rank] = logits[top.index(rank)];
            }
            int rank = rankOf(ranked, selected, selected == limit(choice, logits.length), total, choice);
            if (rank != NEEDS_MORE) {
                return top.index(rank);
            }
            selected = (int) Math.min(limit(choice, logits.length), 8L * selected);
        }
    }

    private static int limit(TokenChoice choice, int vocabulary) {
        return choice.topK() == TokenChoice.ALL ? vocabulary : Math.min(choice.topK(), vocabulary);
    }

    /** How many of the likeliest tokens a choice among them looks at first. */
    public static int firstSelection(TokenChoice choice, int vocabulary) {
        int limit = limit(choice, vocabulary);
        return choice.topP() < 1 ? Math.min(limit, FIRST_SELECTION) : limit;
    }

    /**
     * A choice among the likeliest tokens of a row.
     *
     * @param candidates  ids and logits as {@code count} of them lie in memory, in any order
     * @param total       the sum of the weights of all the row's tokens
     * @return the token's id, or {@link #NEEDS_MORE}
     */
    public int choose(Candidates candidates, int vocabulary, double total, TokenChoice choice) {
        int count = candidates.ids.length;
        // In the order of ids, so that equal logits are ranked by them.
        top.select(candidates.logits, count, count);
        if (ranked.length < count) {
            ranked = new float[count];
        }
        for (int rank = 0; rank < count; rank++) {
            ranked[rank] = candidates.logits[top.index(rank)];
        }
        int rank = rankOf(ranked, count, count == limit(choice, vocabulary), total, choice);
        return rank == NEEDS_MORE ? NEEDS_MORE : candidates.ids[top.index(rank)];
    }

    /**
     * The likeliest tokens of a row.
     *
     * @param ids  ascending
     */
    public record Candidates(int[] ids, float[] logits) {}

    /** topK, topP and minP each keep a beginning of the tokens in falling order, so the shortest of them counts. */
    private static int rankOf(float[] ranked, int count, boolean isEverything, double total, TokenChoice choice) {
        double mass = choice.topP() < 1 ? choice.topP() * total : Double.POSITIVE_INFINITY;
        int kept = 0;
        double sum = 0;
        while (kept < count && sum <= mass) {
            float weight = weight(ranked[kept], ranked[0], choice.temperature());
            if (weight == 0 || weight < choice.minP()) {
                return drawRanked(ranked, kept, sum, choice);
            }
            sum += weight;
            kept++;
        }
        return sum > mass || isEverything ? drawRanked(ranked, kept, sum, choice) : NEEDS_MORE;
    }

    private static int drawRanked(float[] ranked, int kept, double total, TokenChoice choice) {
        double target = choice.uniform() * total;
        double sum = 0;
        for (int rank = 0; rank < kept; rank++) {
            sum += weight(ranked[rank], ranked[0], choice.temperature());
            if (sum > target) {
                return rank;
            }
        }
        return Math.max(0, kept - 1);
    }

    /** Fills the weights, those below {@code least} with 0, and returns their sum. */
    private double weigh(float[] logits, float largest, float temperature, float least) {
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            float weight = weight(logits[i], largest, temperature);
            weights[i] = weight < least ? 0 : weight;
            sum += weights[i];
        }
        return sum;
    }

    private static float weight(float logit, float largest, float temperature) {
        return (float) Math.exp((logit - largest) / temperature);
    }
}
