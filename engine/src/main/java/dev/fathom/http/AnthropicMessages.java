package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Anthropic's conversations and tools, put into the shape chat templates read: a user's tool results become messages of
 * the role tool, and an assistant's blocks one message with reasoning, text and calls. Text blocks are joined by line ends.
 */
final class AnthropicMessages {
    private final MessageReader json;

    AnthropicMessages(MessageReader json) {
        this.json = json;
    }

    /** The system prompt, if there is one, and the messages. */
    List<Map<String, @Nullable Object>> conversation(JsonFields fields) {
        List<Map<String, @Nullable Object>> conversation = new ArrayList<>();
        JsonNode system = fields.node("system");
        if (system != null) {
            conversation.add(message("system", texts("system", system)));
        }
        List<JsonNode> nodes = fields.array("messages");
        if (nodes == null || nodes.isEmpty()) {
            throw RequestException.invalid(
                    "messages",
                    "messages is " + (nodes == null ? "missing" : "empty") + ": send at least one message.");
        }
        for (int i = 0; i < nodes.size(); i++) {
            add(JsonFields.object("messages[" + i + "]", nodes.get(i)), conversation);
        }
        if (conversation.getLast().containsKey("tool_calls")) {
            throw RequestException.invalid(
                    "messages",
                    "The last message uses a tool: send the tool's result in a message of the user after it.");
        }
        return conversation;
    }

    List<Map<String, @Nullable Object>> tools(JsonFields fields) {
        List<JsonNode> nodes = fields.array("tools");
        List<Map<String, @Nullable Object>> tools = new ArrayList<>();
        for (int i = 0; nodes != null && i < nodes.size(); i++) {
            tools.add(tool(JsonFields.object("tools[" + i + "]", nodes.get(i))));
        }
        return tools;
    }

    private void add(JsonFields message, List<Map<String, @Nullable Object>> conversation) {
        String role = required(message, "role");
        JsonNode content = message.node("content");
        if (content == null) {
            throw missing(message, "content");
        }
        message.end();
        switch (role) {
            case "user" -> addUser(message.path("content"), content, conversation);
            case "assistant" -> conversation.add(assistant(message.path("content"), content));
            case "system" -> conversation.add(message("system", texts(message.path("content"), content)));
            default ->
                throw RequestException.invalid(
                        message.path("role"),
                        message.path("role") + " must be user, assistant or system, got \"" + role + "\".");
        }
    }

    /** Results first: the template wants them right after the calls. */
    private void addUser(String where, JsonNode content, List<Map<String, @Nullable Object>> conversation) {
        if (content.isString()) {
            conversation.add(message("user", content.stringValue()));
            return;
        }
        List<String> texts = new ArrayList<>();
        List<JsonNode> blocks = blocks(where, content);
        if (blocks.isEmpty()) {
            throw RequestException.invalid(where, where + " is empty: send at least one block.");
        }
        for (int i = 0; i < blocks.size(); i++) {
            JsonFields block = JsonFields.object(where + "[" + i + "]", blocks.get(i));
            String type = required(block, "type");
            switch (type) {
                case "text" -> texts.add(text(block));
                case "tool_result" -> conversation.add(result(block));
                default -> throw notRead(block, type);
            }
        }
        if (!texts.isEmpty()) {
            conversation.add(message("user", String.join("\n", texts)));
        }
    }

    private static Map<String, @Nullable Object> result(JsonFields block) {
        JsonNode content = block.node("content");
        String text = content == null ? "" : texts(block.path("content"), content);
        boolean failed = block.flag("is_error", false);
        Map<String, @Nullable Object> message = message("tool", failed ? "Error: " + text : text);
        message.put("tool_call_id", required(block, "tool_use_id"));
        block.accept("cache_control");
        block.end();
        return message;
    }

    private Map<String, @Nullable Object> assistant(String where, JsonNode content) {
        if (content.isString()) {
            return message("assistant", content.stringValue());
        }
        List<String> texts = new ArrayList<>();
        List<String> reasoning = new ArrayList<>();
        List<Map<String, @Nullable Object>> calls = new ArrayList<>();
        List<JsonNode> blocks = blocks(where, content);
        for (int i = 0; i < blocks.size(); i++) {
            JsonFields block = JsonFields.object(where + "[" + i + "]", blocks.get(i));
            String type = required(block, "type");
            switch (type) {
                case "text" -> texts.add(text(block));
                case "thinking" -> {
                    reasoning.add(required(block, "thinking"));
                    block.accept("signature");
                    block.end();
                }
                case "tool_use" -> calls.add(call(block));
                default -> throw notRead(block, type);
            }
        }
        boolean onlyCalls = texts.isEmpty() && !calls.isEmpty();
        Map<String, @Nullable Object> message = message("assistant", onlyCalls ? null : String.join("\n", texts));
        if (!reasoning.isEmpty()) {
            message.put("reasoning_content", String.join("\n", reasoning));
        }
        if (!calls.isEmpty()) {
            message.put("tool_calls", calls);
        }
        return message;
    }

    private static Map<String, @Nullable Object> call(JsonFields block) {
        String id = required(block, "id");
        String name = required(block, "name");
        JsonNode input = block.node("input");
        if (input == null || !input.isObject()) {
            throw RequestException.invalid(block.path("input"), block.path("input") + " must be an object.");
        }
        block.accept("cache_control", "caller");
        block.end();
        return chatCall(id, name, input.toString());
    }

    /** A call as chat templates read it. */
    static Map<String, @Nullable Object> chatCall(String id, String function, String arguments) {
        Map<String, @Nullable Object> named = new LinkedHashMap<>();
        named.put("name", function);
        named.put("arguments", arguments);
        Map<String, @Nullable Object> call = new LinkedHashMap<>();
        call.put("id", id);
        call.put("type", "function");
        call.put("function", named);
        return call;
    }

    private Map<String, @Nullable Object> tool(JsonFields tool) {
        String type = tool.text("type");
        if (type != null && !type.equals("custom")) {
            throw RequestException.notSupported(
                    tool.path("type"),
                    tool.path("type") + " is \"" + type
                            + "\": tools that Anthropic's servers run are not here; send tools with name and input_schema.");
        }
        String name = required(tool, "name");
        JsonNode schema = tool.node("input_schema");
        if (schema == null) {
            throw missing(tool, "input_schema");
        }
        String description = tool.text("description");
        boolean strict = tool.flag("strict", false);
        tool.accept("cache_control", "eager_input_streaming");
        tool.refuse("defer_loading", "input_examples", "allowed_callers");
        tool.end();
        Map<String, @Nullable Object> function = new LinkedHashMap<>();
        function.put("name", name);
        function.put("description", description == null ? "" : description);
        function.put("parameters", json.plainObject(tool.path("input_schema"), schema));
        if (strict) {
            function.put("strict", true);
        }
        Map<String, @Nullable Object> given = new LinkedHashMap<>();
        given.put("type", "function");
        given.put("function", function);
        return given;
    }

    private static String texts(String where, JsonNode content) {
        if (content.isString()) {
            return content.stringValue();
        }
        List<String> texts = new ArrayList<>();
        List<JsonNode> blocks = blocks(where, content);
        for (int i = 0; i < blocks.size(); i++) {
            JsonFields block = JsonFields.object(where + "[" + i + "]", blocks.get(i));
            String type = required(block, "type");
            if (!type.equals("text")) {
                throw notRead(block, type);
            }
            texts.add(text(block));
        }
        return String.join("\n", texts);
    }

    private static List<JsonNode> blocks(String where, JsonNode content) {
        if (!content.isArray()) {
            throw JsonFields.wrongType(where, "a string or an array of blocks", content);
        }
        return List.copyOf(content.values());
    }

    private static String text(JsonFields block) {
        String text = required(block, "text");
        block.accept("cache_control");
        block.refuse("citations");
        block.end();
        return text;
    }

    private static Map<String, @Nullable Object> message(String role, @Nullable String content) {
        Map<String, @Nullable Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    static String required(JsonFields fields, String name) {
        String value = fields.text(name);
        if (value == null) {
            throw missing(fields, name);
        }
        return value;
    }

    private static RequestException missing(JsonFields fields, String name) {
        return RequestException.invalid(fields.path(name), fields.path(name) + " is missing.");
    }

    private static RequestException notRead(JsonFields block, String type) {
        return RequestException.notSupported(
                block.path("type"),
                block.path("type") + " is \"" + type + "\", which cannot be read here: this model reads text, thinking,"
                        + " tool_use and tool_result.");
    }
}
