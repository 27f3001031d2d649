package dev.fathom.engine;

import dev.fathom.api.ErrorCode;
import dev.fathom.api.GenerationRequest;
import dev.fathom.api.Guidance;
import dev.fathom.api.RequestException;
import java.util.Arrays;

/**
 * What a request must fit into.
 *
 * @param contextLength  most tokens of a sequence, prompt and completion together
 * @param capacity       cache slots (tokens)
 * @param vocabulary     token ids are in [0, vocabulary)
 * @param truncate       whether what is too long is cut instead of refused
 */
record RequestLimits(int contextLength, int capacity, int vocabulary, boolean truncate) {
    /** The request as the engine runs it, its prompt cut if that is allowed. */
    GenerationRequest check(GenerationRequest request) {
        checkIds(request);
        int prompt = request.promptIds().length;
        int maxNew = request.sampling().maxNewTokens();
        int longestPrompt = Math.min(contextLength, capacity) - 1;
        if (prompt > longestPrompt) {
            if (truncate && longestPrompt > 0) {
                return request.withPrompt(Arrays.copyOf(request.promptIds(), longestPrompt));
            }
            throw prompt >= contextLength ? RequestException.promptTooLong(prompt, contextLength) : noRoom(prompt);
        }
        if (!truncate && (long) prompt + maxNew > contextLength) {
            throw RequestException.totalTooLong(prompt, maxNew, contextLength);
        }
        return request;
    }

    /**
     * Most tokens the request generates: what it asks for, as far as context and cache reach. The last token needs no
     * slot, since nothing is computed from it.
     */
    int maxNewTokens(GenerationRequest checked) {
        int prompt = checked.promptIds().length;
        int room = Math.min(contextLength - prompt, capacity - prompt + 1);
        return Math.min(checked.sampling().maxNewTokens(), room);
    }

    private RequestException noRoom(int prompt) {
        return new RequestException(
                ErrorCode.PROMPT_TOO_LONG,
                "The input (" + prompt + " tokens) and one more token do not fit the key-value cache of " + capacity
                        + " tokens. Please shorten the input, or start the server with a larger cache.");
    }

    private void checkIds(GenerationRequest request) {
        for (int id : request.promptIds()) {
            if (id < 0 || id >= vocabulary) {
                throw RequestException.invalid(
                        "input_ids", "Token id " + id + " is outside the vocabulary [0, " + vocabulary + ").");
            }
        }
        checkGuidance(request.guidance());
        for (int id : request.reports().ids()) {
            if (id < 0 || id >= vocabulary) {
                throw RequestException.invalid(
                        "token_ids_logprob",
                        "token_ids_logprob has the token id " + id + ", which is outside the vocabulary [0, "
                                + vocabulary + ").");
            }
        }
        for (int id : request.sampling().logitBias().keySet()) {
            if (id >= vocabulary) {
                throw RequestException.invalid(
                        "logit_bias",
                        "logit_bias names token id " + id + ", which is outside the vocabulary [0, " + vocabulary
                                + ").");
            }
        }
    }

    /** This id is the tokenizer's, which may know more tokens than the model. */
    private void checkGuidance(Guidance guidance) {
        if (guidance.reasoningEnd() >= vocabulary) {
            throw RequestException.notSupported(
                    "max_thinking_tokens",
                    "Token id " + guidance.reasoningEnd()
                            + ", which ends the reasoning, is outside the model's vocabulary [0, " + vocabulary + ").");
        }
    }
}
