package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.util.LinkedHashMap;
import java.util.List;
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

    private static final List<String> EFFORTS = List.of("none", "minimal", "low", "medium", "high", "xhigh", "max");
    private static final double MOST_EFFORT = 0.99;

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
        Object effort = effort(fields, "reasoning_effort");
        JsonFields reasoning = fields.object("reasoning");
        if (reasoning != null) {
            Object inner = effort(reasoning, "effort");
            effort = inner == null ? effort : inner;
            thinking = reasoning.flag("enabled");
            reasoning.accept("summary", "generate_summary"); // the reasoning itself is there, as the model wrote it
            reasoning.end();
        }
        if (effort != null) {
            variables.putIfAbsent("reasoning_effort", effort);
            thinking = thinking == null ? Boolean.valueOf(thinks(effort)) : thinking;
        }
        if (thinking != null && !variables.containsKey("thinking") && !variables.containsKey("enable_thinking")) {
            variables.put("thinking", thinking);
        }
        return variables;
    }

    /** One of OpenAI's and SGLang's words, or a number in [0, 0.99]. */
    private static @Nullable Object effort(JsonFields fields, String name) {
        JsonNode effort = fields.node(name);
        if (effort == null) {
            return null;
        }
        if (effort.isString() && EFFORTS.contains(effort.stringValue())) {
            return effort.stringValue();
        }
        if (effort.isNumber() && effort.doubleValue() >= 0 && effort.doubleValue() <= MOST_EFFORT) {
            return effort.doubleValue();
        }
        throw RequestException.invalid(
                fields.path(name),
                fields.path(name) + " must be one of " + String.join(", ", EFFORTS) + ", or a number in [0, "
                        + MOST_EFFORT + "], got " + effort + ".");
    }

    private static boolean thinks(Object effort) {
        return !effort.equals("none") && !effort.equals(0.0);
    }
}
