package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Chat messages and tools, checked and put into the shape chat templates read. */
final class MessageReader {
    private static final Set<String> ROLES =
            Set.of("system", "developer", "user", "assistant", "tool", "function", "latest_reminder");

    private final JsonMapper json;
    private final boolean toolsInMessages;

    /** @param toolsInMessages whether the model reads the tools and response formats of system and developer messages */
    MessageReader(JsonMapper json, boolean toolsInMessages) {
        this.json = json;
        this.toolsInMessages = toolsInMessages;
    }

    List<Map<String, @Nullable Object>> messages(JsonFields fields) {
        List<JsonNode> nodes = fields.array("messages");
        if (nodes == null) {
            throw RequestException.invalid("messages", "messages is missing: send at least one message.");
        }
        if (nodes.isEmpty()) {
            throw RequestException.invalid("messages", "messages is empty: send at least one message.");
        }
        List<Map<String, @Nullable Object>> messages = new ArrayList<>(nodes.size());
        for (int i = 0; i < nodes.size(); i++) {
            messages.add(message("messages[" + i + "]", nodes.get(i)));
        }
        return messages;
    }

    List<Map<String, @Nullable Object>> tools(JsonFields fields) {
        List<JsonNode> nodes = fields.array("tools");
        List<Map<String, @Nullable Object>> tools = new ArrayList<>();
        for (int i = 0; nodes != null && i < nodes.size(); i++) {
            tools.add(tool(fields.path("tools") + "[" + i + "]", nodes.get(i)));
        }
        return tools;
    }

    /** The functions in {@code tools}. */
    List<String> functionNames(JsonFields fields) {
        List<JsonNode> nodes = fields.array("tools");
        List<String> names = new ArrayList<>();
        for (int i = 0; nodes != null && i < nodes.size(); i++) {
            tool("tools[" + i + "]", nodes.get(i));
            names.add(nodes.get(i).at("/function/name").stringValue());
        }
        return names;
    }

    /** Any JSON object as the maps, lists and values a template reads. */
    Map<String, @Nullable Object> plainObject(String where, JsonNode node) {
        if (!node.isObject()) {
            throw JsonFields.wrongType(where, "an object", node);
        }
        Map<String, @Nullable Object> plain = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            plain.put(field.getKey(), json.treeToValue(field.getValue(), Object.class));
        }
        return plain;
    }

    private Map<String, @Nullable Object> message(String where, JsonNode node) {
        JsonFields fields = JsonFields.object(where, node);
        String role = fields.text("role");
        if (role == null) {
            throw RequestException.invalid(where + ".role", where + ".role is missing.");
        }
        if (!ROLES.contains(role)) {
            throw RequestException.invalid(
                    where + ".role",
                    where + ".role must be one of system, developer, user, assistant, tool, function,"
                            + " latest_reminder, got \"" + role + "\".");
        }
        Map<String, @Nullable Object> message = plainObject(where, node);
        boolean callsTools = checkToolCalls(fields);
        JsonNode content = fields.node("content");
        if (content == null) {
            if (!role.equals("assistant")) {
                throw RequestException.invalid(where + ".content", where + ".content is missing.");
            }
            // Templates tell a pure tool call by its missing content.
            message.put("content", callsTools ? null : "");
        } else {
            message.put("content", content(where + ".content", content));
        }
        if (!callsTools) {
            message.remove("tool_calls");
        }
        fields.text("name");
        fields.text("tool_call_id");
        fields.text("reasoning_content");
        fields.accept("id", "refusal", "annotations", "reasoning");
        fields.refuse("audio", "function_call", "task", "prefix");
        if (toolsInMessages && (role.equals("system") || role.equals("developer"))) {
            List<Map<String, @Nullable Object>> tools = tools(fields);
            fields.object("response_format");
            if (!tools.isEmpty()) {
                message.put("tools", tools);
            }
        } else {
            fields.refuse("tools", "response_format");
        }
        fields.end();
        return message;
    }

    private static boolean checkToolCalls(JsonFields message) {
        List<JsonNode> calls = message.array("tool_calls");
        if (calls == null || calls.isEmpty()) {
            return false;
        }
        for (int i = 0; i < calls.size(); i++) {
            String where = message.path("tool_calls") + "[" + i + "]";
            JsonFields function = JsonFields.object(where, calls.get(i)).object("function");
            if (function == null || function.text("name") == null) {
                throw RequestException.invalid(where, where + " must have a function with a name.");
            }
            JsonNode arguments = function.node("arguments");
            if (arguments != null && !arguments.isString() && !arguments.isObject()) {
                throw JsonFields.wrongType(where + ".function.arguments", "a string or an object", arguments);
            }
        }
        return true;
    }

    /** Text parts are joined by a space, as SGLang does for templates that read text. */
    private static String content(String where, JsonNode content) {
        if (content.isString()) {
            return content.stringValue();
        }
        if (!content.isArray()) {
            throw JsonFields.wrongType(where, "a string or an array of parts", content);
        }
        var texts = new ArrayList<String>();
        for (JsonNode part : content) {
            String partPath = where + "[" + texts.size() + "]";
            JsonFields fields = JsonFields.object(partPath, part);
            String type = fields.text("type");
            if (!"text".equals(type)) {
                throw RequestException.notSupported(
                        partPath,
                        partPath + " has the type \"" + type + "\", but this model reads text only: send parts of type"
                                + " \"text\".");
            }
            String text = fields.text("text");
            if (text == null) {
                throw RequestException.invalid(partPath + ".text", partPath + ".text is missing.");
            }
            texts.add(text);
        }
        return String.join(" ", texts);
    }

    private Map<String, @Nullable Object> tool(String where, JsonNode node) {
        JsonFields fields = JsonFields.object(where, node);
        String type = fields.text("type");
        JsonFields function = fields.object("function");
        if ((type != null && !type.equals("function")) || function == null || function.text("name") == null) {
            throw RequestException.invalid(
                    where, where + " must be {\"type\": \"function\", \"function\": {\"name\": ...}}.");
        }
        function.flag("strict");
        Map<String, @Nullable Object> tool = plainObject(where, node);
        tool.putIfAbsent("type", "function");
        if (tool.get("function") instanceof Map<?, ?> given) {
            // Templates write both, and OpenAI's API lets both be left out.
            Map<Object, @Nullable Object> whole = new LinkedHashMap<>(given);
            whole.putIfAbsent("description", "");
            whole.putIfAbsent("parameters", Map.of("type", "object", "properties", Map.of()));
            tool.put("function", whole);
        }
        return tool;
    }
}
