package dev.fathom.api;

import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * How the next token is chosen and when a sequence ends; SGLang's names, defaults and bounds.
 *
 * @param maxNewTokens       most tokens to generate, at least 0
 * @param minNewTokens       end-of-sequence and stop ids are masked until this many were generated
 * @param temperature        0 is greedy; below 1e-6 counts as greedy
 * @param topP               nucleus mass, in (0, 1]
 * @param topK               number of most likely tokens kept; -1 keeps all
 * @param minP               least probability relative to the most likely token, in [0, 1]
 * @param frequencyPenalty   subtracted per earlier occurrence in the output, in [-2, 2]
 * @param presencePenalty    subtracted once if the token occurs in the output, in [-2, 2]
 * @param repetitionPenalty  divides positive and multiplies negative logits of tokens in prompt or output, in (0, 2]
 * @param logitBias          token id to a number added to its logit
 * @param seed               fixes the draw for this request, whatever shares its batch
 * @param stopTokenIds       ids that end the sequence, beside the model's own end ids
 * @param ignoreEos          the model's end ids and {@code stopTokenIds} do not end the sequence
 * @param logprobs           whether each token carries its log-probability
 * @param topLogprobs        how many alternatives each token carries, 0 for none
 */
public record SamplingParams(
        int maxNewTokens,
        int minNewTokens,
        float temperature,
        float topP,
        int topK,
        float minP,
        float frequencyPenalty,
        float presencePenalty,
        float repetitionPenalty,
        Map<Integer, Float> logitBias,
        OptionalLong seed,
        Set<Integer> stopTokenIds,
        boolean ignoreEos,
        boolean logprobs,
        int topLogprobs) {

    /** Below this a temperature is greedy (SGLang's bound). */
    public static final float GREEDY_BELOW = 1e-6f;

    public SamplingParams {
        check(maxNewTokens >= 0, "max_new_tokens", "max_new_tokens must be at least 0, got " + maxNewTokens + ".");
        check(
                minNewTokens >= 0 && minNewTokens <= maxNewTokens,
                "min_new_tokens",
                "min_new_tokens must be in [0, max_new_tokens (" + maxNewTokens + ")], got " + minNewTokens + ".");
        check(
                temperature >= 0 && Float.isFinite(temperature),
                "temperature",
                "temperature must be non-negative and finite, got " + temperature + ".");
        check(topP > 0 && topP <= 1, "top_p", "top_p must be in (0, 1], got " + topP + ".");
        check(minP >= 0 && minP <= 1, "min_p", "min_p must be in [0, 1], got " + minP + ".");
        check(topK == -1 || topK >= 1, "top_k", "top_k must be -1 (disable) or at least 1, got " + topK + ".");
        check(
                frequencyPenalty >= -2 && frequencyPenalty <= 2,
                "frequency_penalty",
                "frequency_penalty must be in [-2, 2], got " + frequencyPenalty + ".");
        check(
                presencePenalty >= -2 && presencePenalty <= 2,
                "presence_penalty",
                "presence_penalty must be in [-2, 2], got " + presencePenalty + ".");
        check(
                repetitionPenalty > 0 && repetitionPenalty <= 2,
                "repetition_penalty",
                "repetition_penalty must be in (0, 2], got " + repetitionPenalty + ".");
        check(
                topLogprobs >= 0 && topLogprobs <= 128,
                "top_logprobs",
                "top_logprobs must be in [0, 128], got " + topLogprobs + ".");
        for (var bias : logitBias.entrySet()) {
            check(
                    bias.getKey() >= 0 && Float.isFinite(bias.getValue()),
                    "logit_bias",
                    "logit_bias needs non-negative token ids and finite numbers, got " + bias + ".");
        }
        logitBias = Map.copyOf(logitBias);
        stopTokenIds = Set.copyOf(stopTokenIds);
    }

    /** Greedy decoding of at most {@code maxNewTokens} tokens, everything else off. */
    public static SamplingParams greedy(int maxNewTokens) {
        return new SamplingParams(
                maxNewTokens, 0, 0, 1, -1, 0, 0, 0, 1, Map.of(), OptionalLong.empty(), Set.of(), false, false, 0);
    }

    public boolean isGreedy() {
        return temperature < GREEDY_BELOW || topK == 1;
    }

    public boolean hasPenalties() {
        return frequencyPenalty != 0 || presencePenalty != 0 || repetitionPenalty != 1;
    }

    private static void check(boolean ok, String parameter, String message) {
        if (!ok) {
            throw RequestException.invalid(parameter, message);
        }
    }
}
