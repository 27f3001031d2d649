package dev.fathom.api;

import org.jspecify.annotations.Nullable;

/**
 * One sequence to generate.
 *
 * @param id         unique among requests in flight; the handle for abort
 * @param promptIds  prompt tokens, at least one; not copied, must not change
 * @param sampling   how tokens are chosen
 * @param priority   larger runs first where priority scheduling is on; 0 is normal
 * @param cacheKey   prefixes are shared only among requests with an equal key (SGLang's extra_key and cache_salt);
 *                   empty is the common space
 * @param guidance   tokens that are not left to the model
 * @param constraint what the generated tokens must follow, or null
 * @param reports    log-probabilities beside those that {@code sampling} asks for
 */
public record GenerationRequest(
        String id,
        int[] promptIds,
        SamplingParams sampling,
        int priority,
        String cacheKey,
        Guidance guidance,
        @Nullable TokenConstraint constraint,
        TokenReports reports) {
    public GenerationRequest {
        if (promptIds.length == 0) {
            throw RequestException.invalid("prompt", "The prompt is empty: give at least one token.");
        }
        if (reports.promptFrom() >= promptIds.length) {
            throw RequestException.invalid(
                    "logprob_start_len",
                    "logprob_start_len (" + reports.promptFrom() + ") must be less than the number of input tokens ("
                            + promptIds.length + ").");
        }
    }

    /** No log-probabilities beside those that {@code sampling} asks for. */
    public GenerationRequest(
            String id,
            int[] promptIds,
            SamplingParams sampling,
            int priority,
            String cacheKey,
            Guidance guidance,
            @Nullable TokenConstraint constraint) {
        this(id, promptIds, sampling, priority, cacheKey, guidance, constraint, TokenReports.NONE);
    }

    /** All tokens are left to the model. */
    public GenerationRequest(String id, int[] promptIds, SamplingParams sampling, int priority, String cacheKey) {
        this(id, promptIds, sampling, priority, cacheKey, Guidance.NONE, null);
    }

    /** The same with another prompt. */
    public GenerationRequest withPrompt(int[] ids) {
        return new GenerationRequest(id, ids, sampling, priority, cacheKey, guidance, constraint, reports);
    }

    public static GenerationRequest of(String id, int[] promptIds, SamplingParams sampling) {
        return new GenerationRequest(id, promptIds, sampling, 0, "");
    }
}
