package dev.fathom.engine;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationEvent.Token;
import dev.fathom.api.GenerationEvent.TokenLogprob;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.RequestException;
import dev.fathom.api.SamplingParams;
import dev.fathom.kernels.TokenChoice;
import dev.fathom.kernels.TokenChooser;
import dev.fathom.kernels.TopSelection;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the next token of one sequence from its logits. In order: frequency and presence penalty, repetition penalty,
 * logit bias, masked tokens and end ids, temperature, softmax, top_k, top_p, min_p, draw. As in SGLang, top_p and min_p are
 * measured on the whole distribution, not on what top_k left. Log-probabilities are those of the raw logits, before any
 * of this. Not thread-safe: it owns its working arrays.
 */
final class Sampler {
    private final int vocabulary;
    private final int[] endIds;
    private final float[] logits;
    private final TokenChooser chooser = new TokenChooser();
    private final TopSelection top = new TopSelection();

    Sampler(int vocabulary, Set<Integer> endIds) {
        this.vocabulary = vocabulary;
        this.endIds = endIds.stream()
                .mapToInt(Integer::intValue)
                .filter(id -> id >= 0 && id < vocabulary)
                .toArray();
        this.logits = new float[vocabulary];
    }

    /**
     * @param rows       [any, vocabulary]
     * @param row        which of them
     * @param counts     the sequence's tokens, needed where there are penalties
     * @param generated  tokens the sequence has generated so far
     * @param uniform    the draw, in [0, 1)
     * @throws RequestException INTERNAL if the logits hold NaN or positive infinity, or nothing but negative infinity
     */
    Token sample(
            Tensor rows, int row, SamplingParams params, @Nullable TokenCounts counts, int generated, double uniform) {
        return sample(rows, row, params, counts, generated, uniform, null);
    }

    /**
     * @param allowed  bits of the tokens that may be chosen, null for all; where only end ids may, they are chosen
     *     before {@code minNewTokens} as well
     * @throws RequestException INTERNAL also if no allowed token is left
     */
    Token sample(
            Tensor rows,
            int row,
            SamplingParams params,
            @Nullable TokenCounts counts,
            int generated,
            double uniform,
            long @Nullable [] allowed) {
        load(rows, row);
        boolean explained = isExplained(params);
        double logSum = explained ? logSumExp() : 0;
        List<TokenLogprob> alternatives = alternatives(params.topLogprobs(), logSum);
        adjust(params, counts);
        boolean mayEnd = generated >= params.minNewTokens();
        if (allowed != null) {
            restrict(allowed);
            mayEnd = mayEnd || !leavesMoreThanEnds(params);
        }
        if (!mayEnd) {
            forbidEnds(params);
        }
        int id = chooser.choose(logits, choice(params, uniform));
        float logprob = explained ? (float) (rows.get(row, id) - logSum) : 0;
        return new Token(id, logprob, alternatives);
    }

    /** What of a request's parameters is left when penalties, biases and masks are in the logits. */
    static TokenChoice choice(SamplingParams params, double uniform) {
        return params.isGreedy()
                ? TokenChoice.LARGEST
                : new TokenChoice(params.temperature(), params.topK(), params.topP(), params.minP(), uniform);
    }

    /**
     * The likeliest of a few tokens, the first of equal ones.
     *
     * @param rows     [any, vocabulary]
     * @param row      which of them
     * @param allowed  at least one
     * @throws RequestException as {@link #sample}
     */
    Token take(Tensor rows, int row, SamplingParams params, int[] allowed) {
        load(rows, row);
        int id = allowed[0];
        for (int other : allowed) {
            if (logits[other] > logits[id]) {
                id = other;
            }
        }
        if (!isExplained(params)) {
            return new Token(id, 0, List.of());
        }
        double logSum = logSumExp();
        return new Token(id, (float) (rows.get(row, id) - logSum), alternatives(params.topLogprobs(), logSum));
    }

    /**
     * A token that was given or chosen already, with all that its request wants reported.
     *
     * @param rows  [any, vocabulary]
     * @param row   which of them
     * @throws RequestException as {@link #sample}
     */
    Token explain(Tensor rows, int row, GenerationRequest request, int id) {
        load(rows, row);
        double logSum = logSumExp();
        List<TokenLogprob> asked = request.reports().ids().stream()
                .map(other -> new TokenLogprob(other, (float) (logits[other] - logSum)))
                .toList();
        List<TokenLogprob> alternatives = alternatives(request.sampling().topLogprobs(), logSum);
        return new Token(id, (float) (logits[id] - logSum), alternatives, asked);
    }

    private void load(Tensor rows, int row) {
        MemorySegment.copy(rows.data(), Tensor.F32, Tensor.byteSize(row, vocabulary), logits, 0, vocabulary);
        checkFinite();
    }

    static boolean isExplained(SamplingParams params) {
        return params.logprobs() || params.topLogprobs() > 0;
    }

    private void checkFinite() {
        boolean some = false;
        for (int i = 0; i < vocabulary; i++) {
            if (!(logits[i] < Float.POSITIVE_INFINITY)) {
                throw new RequestException(
                        ErrorCode.INTERNAL,
                        "The model computed " + logits[i] + " as the logit of token id " + i
                                + ", so no next token can be chosen.");
            }
            some |= logits[i] > Float.NEGATIVE_INFINITY;
        }
        if (!some) {
            throw new RequestException(ErrorCode.INTERNAL, "The model ruled out every token of the vocabulary.");
        }
    }

    private double logSumExp() {
        float largest = logits[TokenChooser.largest(logits)];
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            sum += Math.exp(logits[i] - largest);
        }
        return largest + Math.log(sum);
    }

    private List<TokenLogprob> alternatives(int wanted, double logSum) {
        if (wanted == 0) {
            return List.of();
        }
        top.select(logits, vocabulary, wanted);
        List<TokenLogprob> list = new ArrayList<>(top.count());
        for (int rank = 0; rank < top.count(); rank++) {
            int id = top.index(rank);
            list.add(new TokenLogprob(id, (float) (logits[id] - logSum)));
        }
        return list;
    }

    /** Rules out what is not allowed. */
    private void restrict(long[] allowed) {
        for (int from = 0; from < vocabulary; from += Long.SIZE) {
            long forbidden = ~allowed[from >>> 6];
            if (vocabulary - from < Long.SIZE) {
                forbidden &= (1L << (vocabulary - from)) - 1;
            }
            while (forbidden != 0) {
                logits[from + Long.numberOfTrailingZeros(forbidden)] = Float.NEGATIVE_INFINITY;
                forbidden &= forbidden - 1;
            }
        }
        if (logits[TokenChooser.largest(logits)] == Float.NEGATIVE_INFINITY) {
            throw new RequestException(
                    ErrorCode.INTERNAL, "The model ruled out every token that the grammar allows next.");
        }
    }

    private boolean leavesMoreThanEnds(SamplingParams params) {
        for (int id = 0; id < vocabulary; id++) {
            if (logits[id] > Float.NEGATIVE_INFINITY && !isEnd(id, params)) {
                return true;
            }
        }
        return false;
    }

    private boolean isEnd(int id, SamplingParams params) {
        for (int end : endIds) {
            if (end == id) {
                return true;
            }
        }
        return params.stopTokenIds().contains(id);
    }

    private void adjust(SamplingParams params, @Nullable TokenCounts counts) {
        if (params.hasPenalties()) {
            if (counts == null) {
                throw new IllegalStateException("penalties need the sequence's token counts");
            }
            counts.penalize(logits, params.frequencyPenalty(), params.presencePenalty(), params.repetitionPenalty());
        }
        for (Map.Entry<Integer, Float> bias : params.logitBias().entrySet()) {
            logits[bias.getKey()] += bias.getValue();
        }
    }

    private void forbidEnds(SamplingParams params) {
        for (int id : endIds) {
            logits[id] = Float.NEGATIVE_INFINITY;
        }
        for (int id : params.stopTokenIds()) {
            if (id >= 0 && id < vocabulary) {
                logits[id] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
