package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.AnswerOptions;
import dev.fathom.serve.ChatRequest;
import dev.fathom.serve.Logprobs;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.ToolChoice;
import dev.fathom.text.grammar.GrammarSource;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /v1/responses}: the request. */
final class ResponseReader {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    /** Included without being asked for, in the clear. */
    private static final Set<String> INCLUDED = Set.of("reasoning.encrypted_content");

    private final HttpConfig config;
    private final ServedModel model;
    private final MessageReader messages;
    private final ResponseStore store;

    ResponseReader(HttpConfig config, ServedModel model, MessageReader messages, ResponseStore store) {
        this.config = config;
        this.model = model;
        this.messages = messages;
        this.store = store;
    }

    ResponseRequest read(JsonFields fields) {
        String id = OpenAiFields.newId("resp_");
        boolean stream = fields.flag("stream", false);
        boolean stored = fields.flag("store", true);
        boolean background = fields.flag("background", false);
        checkRun(stream, stored, background);
        ObjectNode shown = shown(fields, id);
        shown.put("store", stored).put("background", background);
        List<Map<String, @Nullable Object>> conversation = conversation(fields);
        Integer max = fields.integer("max_output_tokens");
        if (max != null && max < 1) {
            throw RequestException.invalid(
                    "max_output_tokens", "max_output_tokens must be at least 1, got " + max + ".");
        }
        ToolChoice choice = choice(fields);
        List<Map<String, @Nullable Object>> tools = tools(fields);
        var request = new ChatRequest(
                id,
                withInstructions(fields.text("instructions"), conversation),
                choice == null ? List.of() : tools,
                ThinkingReader.templateVariables(fields, messages),
                false,
                sampling(fields, max, shown),
                Logprobs.NONE,
                fields.integer("priority", 0),
                OpenAiFields.cacheKey(fields),
                stream ? config.streamInterval() : 1,
                new AnswerOptions(
                        true,
                        choice == null ? new ToolChoice.Auto() : choice,
                        fields.flag("parallel_tool_calls", true)));
        checkUnserved(fields);
        fields.end();
        return new ResponseRequest(request, conversation, shown, stored, background, stream);
    }

    private static void checkRun(boolean stream, boolean stored, boolean background) {
        if (background && !stored) {
            throw RequestException.invalid(
                    "background", "background needs store to be true: the response is fetched later.");
        }
        if (background && stream) {
            throw RequestException.notSupported(
                    "background",
                    "background is not supported together with stream: fetch the response at /v1/responses/ID.");
        }
    }

    /** What the response object repeats of the request, with OpenAI's defaults. */
    private ObjectNode shown(JsonFields fields, String id) {
        String name = fields.text("model");
        ObjectNode shown = JSON.objectNode()
                .put("id", id)
                .put("object", "response")
                .put("created_at", Instant.now().getEpochSecond())
                .put("model", name == null ? model.name() : name);
        show(shown, fields, "instructions", JSON.nullNode());
        show(shown, fields, "max_output_tokens", JSON.nullNode());
        show(shown, fields, "metadata", JSON.objectNode());
        show(shown, fields, "parallel_tool_calls", JSON.booleanNode(true));
        show(shown, fields, "previous_response_id", JSON.nullNode());
        show(shown, fields, "tool_choice", JSON.stringNode("auto"));
        show(shown, fields, "tools", JSON.arrayNode());
        show(shown, fields, "user", JSON.nullNode());
        shown.putObject("text").putObject("format").put("type", "text");
        ObjectNode reasoning = shown.putObject("reasoning");
        JsonFields given = fields.object("reasoning");
        reasoning.put("effort", given == null ? null : given.text("effort")).putNull("summary");
        return shown.put("truncation", "disabled").put("service_tier", "default");
    }

    private static void show(ObjectNode shown, JsonFields fields, String name, JsonNode otherwise) {
        JsonNode given = fields.node(name);
        shown.set(name, given == null ? otherwise : given);
    }

    private List<Map<String, @Nullable Object>> conversation(JsonFields fields) {
        String previous = fields.text("previous_response_id");
        var input = new ResponseInput(previous == null ? List.of() : earlier(previous));
        JsonNode given = fields.node("input");
        if (given == null) {
            throw RequestException.invalid("input", "input is missing: send a text or an array of items.");
        }
        input.addInput(given);
        List<Map<String, @Nullable Object>> conversation = input.conversation();
        if (conversation.isEmpty()) {
            throw RequestException.invalid("input", "input is empty: send at least one item.");
        }
        return conversation;
    }

    private List<Map<String, @Nullable Object>> earlier(String previous) {
        ResponseStore.Entry entry = store.get(previous);
        if (entry.running()) {
            throw RequestException.invalid(
                    "previous_response_id",
                    "previous_response_id names " + previous + ", which is still being written: wait for its end.");
        }
        return entry.conversation();
    }

    private static List<Map<String, @Nullable Object>> withInstructions(
            @Nullable String instructions, List<Map<String, @Nullable Object>> conversation) {
        if (instructions == null) {
            return conversation;
        }
        Map<String, @Nullable Object> system = new LinkedHashMap<>();
        system.put("role", "system");
        system.put("content", instructions);
        List<Map<String, @Nullable Object>> all = new ArrayList<>();
        all.add(system);
        all.addAll(conversation);
        return all;
    }

    private SamplingFields sampling(JsonFields fields, @Nullable Integer max, ObjectNode shown) {
        SamplingFields sampling = SamplingReader.openAi(fields, max);
        GrammarSource format = format(fields, shown);
        if (format != null) {
            sampling = SamplingFields.builder().grammar(format).build().orElse(sampling);
        }
        if (sampling.n() != null && sampling.n() != 1) {
            throw RequestException.invalid("n", "n must be 1: a response is one answer, got " + sampling.n() + ".");
        }
        SamplingFields all = sampling.orElse(model.defaults());
        shown.put("temperature", all.temperature() == null ? 1f : all.temperature());
        shown.put("top_p", all.topP() == null ? 1f : all.topP());
        return sampling;
    }

    /** What {@code text.format} asks of the answer; null for nothing. */
    private static @Nullable GrammarSource format(JsonFields fields, ObjectNode shown) {
        JsonFields text = fields.object("text");
        JsonFields format = text == null ? null : text.object("format");
        if (text == null || format == null) {
            return null;
        }
        shown.putObject("text").set("format", text.node("format"));
        return GrammarReader.flat(format);
    }

    /** Null is {@code none}. */
    private static @Nullable ToolChoice choice(JsonFields fields) {
        JsonNode given = fields.node("tool_choice");
        if (given == null || !given.isObject()) {
            return ToolChoiceReader.read(fields);
        }
        JsonFields choice = JsonFields.object("tool_choice", given);
        String type = choice.text("type");
        if (!"function".equals(type)) {
            throw RequestException.notSupported(
                    "tool_choice", "tool_choice as an object must be {\"type\": \"function\", \"name\": ...}.");
        }
        String name = AnthropicMessages.required(choice, "name");
        choice.end();
        return new ToolChoice.Named(name);
    }

    /** Tools as chat has them: a function's fields one level deeper. */
    private List<Map<String, @Nullable Object>> tools(JsonFields fields) {
        List<JsonNode> given = fields.array("tools");
        ArrayNode tools = JSON.arrayNode();
        for (int i = 0; given != null && i < given.size(); i++) {
            JsonFields tool = JsonFields.object("tools[" + i + "]", given.get(i));
            String type = AnthropicMessages.required(tool, "type");
            if (!type.equals("function")) {
                throw RequestException.notSupported(
                        tool.path("type"),
                        tool.path("type") + " is \"" + type
                                + "\": tools that OpenAI's servers run are not here; send tools of the type function.");
            }
            ObjectNode function = tools.addObject().put("type", "function").putObject("function");
            function.put("name", AnthropicMessages.required(tool, "name"));
            for (String field : List.of("description", "parameters", "strict")) {
                JsonNode value = tool.node(field);
                if (value != null) {
                    function.set(field, value);
                }
            }
            tool.refuse("defer_loading", "allowed_callers", "output_schema", "async");
            tool.end();
        }
        ObjectNode chat = JSON.objectNode();
        chat.set("tools", tools);
        return messages.tools(new JsonFields(chat, ""));
    }

    private static void checkUnserved(JsonFields fields) {
        OpenAiFields.checkUnserved(fields);
        fields.refuse("conversation", "prompt", "max_tool_calls", "context_management", "moderation", "top_logprobs");
        only(fields, "truncation", "disabled");
        List<String> include = fields.textOrTexts("include");
        if (include != null && !INCLUDED.containsAll(include)) {
            throw RequestException.notSupported(
                    "include", "include may have " + INCLUDED + " only in this version, got " + include + ".");
        }
        JsonFields options = fields.object("stream_options");
        if (options != null) {
            options.refuse("include_obfuscation");
            options.end();
        }
        JsonFields text = fields.object("text");
        if (text != null) {
            only(text, "verbosity", "medium");
            text.object("format");
            text.end();
        }
    }

    private static void only(JsonFields fields, String name, String value) {
        String given = fields.text(name);
        if (given != null && !given.equals(value)) {
            throw RequestException.notSupported(
                    fields.path(name),
                    fields.path(name) + " must be \"" + value + "\" in this version, got \"" + given + "\".");
        }
    }
}
