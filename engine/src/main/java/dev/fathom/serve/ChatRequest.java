package dev.fathom.serve;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A conversation to answer.
 *
 * @param id                 unique among requests in flight
 * @param messages           in the shape the chat template reads: maps with role, content, tool_calls, ...
 * @param tools              tool schemas as the template reads them, empty for none
 * @param templateVariables  further template variables ({@code chat_template_kwargs})
 * @param continueFinal      the answer goes on where the last message, the assistant's, stops
 * @param priority           see {@link TextRequest}
 * @param cacheKey           see {@link TextRequest}
 * @param streamInterval     see {@link TextRequest}
 * @param answer             how the answer is taken apart
 */
public record ChatRequest(
        String id,
        List<Map<String, @Nullable Object>> messages,
        List<Map<String, @Nullable Object>> tools,
        Map<String, @Nullable Object> templateVariables,
        boolean continueFinal,
        SamplingFields sampling,
        Logprobs logprobs,
        int priority,
        String cacheKey,
        int streamInterval,
        AnswerOptions answer) {

    /** A conversation and nothing else. */
    public static ChatRequest of(String id, List<Map<String, @Nullable Object>> messages, SamplingFields sampling) {
        return new ChatRequest(
                id, messages, List.of(), Map.of(), false, sampling, Logprobs.NONE, 0, "", 1, AnswerOptions.DEFAULT);
    }

    /** The request's tools, and those that its messages bring along. */
    List<Map<String, @Nullable Object>> allTools() {
        List<Map<String, @Nullable Object>> all = new ArrayList<>(tools);
        for (Map<String, @Nullable Object> message : messages) {
            if (message.get("tools") instanceof List<?> list) {
                for (Object tool : list) {
                    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
                    ((Map<?, ?>) tool).forEach((name, value) -> copy.put(String.valueOf(name), value));
                    all.add(copy);
                }
            }
        }
        return all;
    }

    /** The same conversation, with these tools. */
    public ChatRequest withTools(List<Map<String, @Nullable Object>> newTools) {
        return with(newTools, templateVariables);
    }

    /** The same conversation, rendered with these variables. */
    public ChatRequest withTemplateVariables(Map<String, @Nullable Object> variables) {
        return with(tools, variables);
    }

    private ChatRequest with(List<Map<String, @Nullable Object>> newTools, Map<String, @Nullable Object> newVariables) {
        return new ChatRequest(
                id,
                messages,
                newTools,
                newVariables,
                continueFinal,
                sampling,
                logprobs,
                priority,
                cacheKey,
                streamInterval,
                answer);
    }
}
