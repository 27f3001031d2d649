package dev.fathom.serve;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Prompts to continue, one or a batch.
 *
 * @param items                at least one
 * @param defaultMaxNewTokens  most tokens where neither request nor server say, clipped to what the context leaves;
 *                             null is all that the context leaves
 * @param priority             larger runs first; 0 unless the server schedules by priority
 * @param cacheKey             prompts share cached prefixes only under an equal key; empty is the common space
 * @param streamInterval       tokens in each delta, at least 1
 */
public record TextRequest(
        List<Item> items, @Nullable Integer defaultMaxNewTokens, int priority, String cacheKey, int streamInterval) {

    /** @param id unique among requests in flight; its n answers are known as {@code id}, {@code id#1}, ... */
    public record Item(String id, Prompt prompt, SamplingFields sampling, Logprobs logprobs) {}

    public TextRequest {
        if (items.isEmpty()) {
            throw new IllegalArgumentException("a text request needs at least one prompt");
        }
        if (streamInterval < 1) {
            throw new IllegalArgumentException("streamInterval must be at least 1, got " + streamInterval);
        }
        items = List.copyOf(items);
    }

    /** One prompt, everything else as the server's defaults have it. */
    public static TextRequest of(String id, Prompt prompt, SamplingFields sampling) {
        return new TextRequest(List.of(new Item(id, prompt, sampling, Logprobs.NONE)), null, 0, "", 1);
    }
}
