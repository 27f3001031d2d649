package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The variables that a request gives the chat template. The fields that OpenAI and others have for reasoning become
 * variables, too, where the request does not set those itself.
 */
final class ThinkingReader {
    private static final Set<String> OWN_VARIABLES = Set.of("messages", "tools", "add_generation_prompt");

    private ThinkingReader() {}

    static Map<String, @Nullable Object> templateVariables(JsonFields fields, MessageReader json) {
        JsonNode given = fields.node("chat_template_kwargs");
        Map<String, @Nullable Object> variables =
                given == null ? new LinkedHashMap<>() : json.plainObject("chat_template_kwargs", given);
        for (String own : OWN_VARIABLES) {
            if (variables.containsKey(own)) {
                throw RequestException.invalid(
                        "chat_template_kwargs", "chat_template_kwargs must not set " + own + ": the server does.");
            }
        }
        Boolean thinking = null;
        String effort = effort(fields, "reasoning_effort");
        JsonFields reasoning = fields.object("reasoning");
        if (reasoning != null) {
            String inner = effort(reasoning, "effort");
            effort = inner == null ? effort : inner;
            thinking = reasoning.flag("enabled");
            reasoning.accept("summary", "generate_summary"); // the reasoning itself is there, as the model wrote it
            reasoning.end();
        }
        if (effort != null) {
            variables.putIfAbsent("reasoning_effort", effort);
            thinking = thinking == null ? Boolean.valueOf(!effort.equals("none")) : thinking;
        }
        if (thinking != null && !variables.containsKey("thinking") && !variables.containsKey("enable_thinking")) {
            variables.put("thinking", thinking);
        }
        return variables;
    }

    private static @Nullable String effort(JsonFields fields, String name) {
        JsonNode effort = fields.node(name);
        if (effort == null) {
            return null;
        }
        if (!effort.isString()) {
            throw RequestException.notSupported(
                    fields.path(name),
                    fields.path(name) + " must be a string such as \"high\": numbers are not supported yet, got "
                            + effort + ".");
        }
        return effort.stringValue();
    }
}
