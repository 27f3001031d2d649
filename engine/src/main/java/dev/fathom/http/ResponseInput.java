package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Items of OpenAI's Responses, put into the shape chat templates read: an assistant's reasoning, message and calls, which are
 * items of their own, become one message, and a call's output a message of the role tool.
 */
final class ResponseInput {
    private final List<Map<String, @Nullable Object>> conversation;
    /** The assistant's message that following items may still add to. */
    private @Nullable Map<String, @Nullable Object> open;

    /** @param earlier what was said before */
    ResponseInput(List<Map<String, @Nullable Object>> earlier) {
        conversation = new ArrayList<>(earlier);
    }

    List<Map<String, @Nullable Object>> conversation() {
        return List.copyOf(conversation);
    }

    /** The field {@code input}: a user's text, or items. */
    void addInput(JsonNode input) {
        if (input.isString()) {
            addMessage("user", input.stringValue());
            return;
        }
        if (!input.isArray()) {
            throw JsonFields.wrongType("input", "a string or an array of items", input);
        }
        addItems("input", List.copyOf(input.values()));
    }

    void addItems(String where, List<JsonNode> items) {
        for (int i = 0; i < items.size(); i++) {
            JsonFields item = JsonFields.object(where + "[" + i + "]", items.get(i));
            String type = item.text("type");
            switch (type == null ? "message" : type) {
                case "message" -> addMessage(item);
                case "reasoning" -> addReasoning(item);
                case "function_call" -> addCall(item);
                case "function_call_output" -> addOutput(item);
                default ->
                    throw RequestException.notSupported(
                            item.path("type"),
                            item.path("type") + " is \"" + type
                                    + "\", which cannot be read here: send items of the types"
                                    + " message, reasoning, function_call and function_call_output.");
            }
            item.accept("id", "status");
            item.end();
        }
    }

    private void addMessage(JsonFields item) {
        String role = AnthropicMessages.required(item, "role");
        JsonNode content = item.node("content");
        if (content == null) {
            throw RequestException.invalid(item.path("content"), item.path("content") + " is missing.");
        }
        item.accept("phase");
        String text = texts(item.path("content"), content);
        switch (role) {
            case "user", "system", "developer" -> addMessage(role, text);
            case "assistant" -> {
                Map<String, @Nullable Object> message = assistant();
                if (message.get("content") instanceof String before) {
                    message.put("content", before + text);
                } else {
                    message.put("content", text);
                }
            }
            default ->
                throw RequestException.invalid(
                        item.path("role"),
                        item.path("role") + " must be user, assistant, system or developer, got \"" + role + "\".");
        }
    }

    private void addMessage(String role, @Nullable String content) {
        open = null;
        conversation.add(message(role, content));
    }

    /** What was encrypted elsewhere cannot be read; the content that this server gives can. */
    private void addReasoning(JsonFields item) {
        JsonNode content = item.node("content");
        JsonNode summary = item.node("summary");
        item.refuse("encrypted_content");
        JsonNode text = content != null ? content : summary;
        if (text == null) {
            return;
        }
        // Reasoning begins a turn of the assistant.
        open = null;
        assistant().put("reasoning_content", texts(item.path(content != null ? "content" : "summary"), text));
    }

    private void addCall(JsonFields item) {
        Map<String, @Nullable Object> call = AnthropicMessages.chatCall(
                AnthropicMessages.required(item, "call_id"),
                AnthropicMessages.required(item, "name"),
                AnthropicMessages.required(item, "arguments"));
        Map<String, @Nullable Object> message = assistant();
        List<Object> calls = new ArrayList<>();
        if (message.get("tool_calls") instanceof List<?> before) {
            calls.addAll(before);
        }
        calls.add(call);
        message.put("tool_calls", calls);
    }

    private void addOutput(JsonFields item) {
        JsonNode output = item.node("output");
        if (output == null) {
            throw RequestException.invalid(item.path("output"), item.path("output") + " is missing.");
        }
        Map<String, @Nullable Object> message = message("tool", texts(item.path("output"), output));
        message.put("tool_call_id", AnthropicMessages.required(item, "call_id"));
        open = null;
        conversation.add(message);
    }

    private Map<String, @Nullable Object> assistant() {
        if (open == null) {
            open = message("assistant", null);
            conversation.add(open);
        }
        return open;
    }

    private static String texts(String where, JsonNode content) {
        if (content.isString()) {
            return content.stringValue();
        }
        if (!content.isArray()) {
            throw JsonFields.wrongType(where, "a string or an array of parts", content);
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode node : content) {
            JsonFields part = JsonFields.object(where + "[" + texts.size() + "]", node);
            String type = AnthropicMessages.required(part, "type");
            switch (type) {
                case "input_text", "output_text", "text", "reasoning_text", "summary_text" ->
                    texts.add(AnthropicMessages.required(part, "text"));
                default ->
                    throw RequestException.notSupported(
                            part.path("type"),
                            part.path("type") + " is \"" + type
                                    + "\", but this model reads text only: send parts of type" + " input_text.");
            }
            part.accept("annotations", "logprobs");
            part.end();
        }
        return String.join("\n", texts);
    }

    private static Map<String, @Nullable Object> message(String role, @Nullable String content) {
        Map<String, @Nullable Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }
}
