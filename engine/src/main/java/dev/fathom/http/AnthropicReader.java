package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.AnswerOptions;
import dev.fathom.serve.ChatRequest;
import dev.fathom.serve.Logprobs;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextService;
import dev.fathom.serve.ToolChoice;
import dev.fathom.text.grammar.GrammarSource;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;

/** {@code POST /v1/messages} and {@code /v1/messages/count_tokens}: Anthropic's request. */
final class AnthropicReader {
    private final HttpConfig config;
    private final ServedModel model;
    private final AnthropicMessages messages;

    AnthropicReader(HttpConfig config, ServedModel model, MessageReader messages) {
        this.config = config;
        this.model = model;
        this.messages = new AnthropicMessages(messages);
    }

    /** A tool choice; null is none: the model does not hear of the tools. */
    private record Choice(@Nullable ToolChoice choice, boolean parallel) {}

    /** What thinking a request wants; a null leaves it to the server. */
    private record Thinking(@Nullable Boolean on, @Nullable Integer budget) {}

    Call read(JsonFields fields) {
        String name = fields.text("model");
        Integer max = fields.integer("max_tokens");
        if (max == null || max < 1) {
            throw RequestException.invalid(
                    "max_tokens",
                    max == null
                            ? "max_tokens is missing: say how many tokens the answer may have."
                            : "max_tokens must be at least 1, got " + max + ".");
        }
        boolean stream = fields.flag("stream", false);
        ChatRequest request = request(fields, max, stream ? config.streamInterval() : 1);
        String shown = name == null ? model.name() : name;
        return new Call(
                request.id(),
                service -> service.chat(request),
                answer -> new AnthropicFormat(request.id(), shown, config.enableCacheReport(), answer),
                stream);
    }

    /** Answers how long the prompt of a request is (tokens). */
    void countTokens(JsonBody body, TextService text, ServerRequest request, ServerResponse response) {
        JsonFields fields = body.read(request);
        fields.text("model");
        int tokens = text.promptIds(request(fields, null, 1)).length;
        response.header(HeaderValues.CONTENT_TYPE_JSON)
                .send(JsonNodeFactory.instance
                        .objectNode()
                        .put("input_tokens", tokens)
                        .toString()
                        .getBytes(StandardCharsets.UTF_8));
    }

    private ChatRequest request(JsonFields fields, @Nullable Integer max, int streamInterval) {
        List<Map<String, @Nullable Object>> conversation = messages.conversation(fields);
        List<Map<String, @Nullable Object>> tools = messages.tools(fields);
        Choice choice = choice(fields);
        Thinking thinking = thinking(fields);
        var request = new ChatRequest(
                OpenAiFields.newId("msg_"),
                conversation,
                choice.choice() == null ? List.of() : tools,
                variables(fields, thinking),
                "assistant".equals(conversation.getLast().get("role")),
                sampling(fields, max, thinking.budget()),
                Logprobs.NONE,
                fields.integer("priority", 0),
                OpenAiFields.cacheKey(fields),
                streamInterval,
                new AnswerOptions(
                        true, choice.choice() == null ? new ToolChoice.Auto() : choice.choice(), choice.parallel()));
        checkUnserved(fields);
        fields.end();
        return request;
    }

    private static SamplingFields sampling(JsonFields fields, @Nullable Integer max, @Nullable Integer budget) {
        List<String> stop = fields.textOrTexts("stop_sequences");
        if (stop != null && stop.contains("")) {
            throw RequestException.invalid(
                    "stop_sequences", "stop_sequences must not contain an empty string: it matches everywhere.");
        }
        return SamplingFields.builder()
                .maxNewTokens(max)
                .temperature(fields.number("temperature"))
                .topP(fields.number("top_p"))
                .topK(fields.integer("top_k"))
                .stop(stop)
                .maxThinkingTokens(budget)
                .grammar(format(fields))
                .build();
    }

    /** What the answer is to look like; the older field for it stands at the top. */
    private static @Nullable GrammarSource format(JsonFields fields) {
        JsonFields output = fields.object("output_config");
        JsonFields format = output == null ? null : output.object("format");
        JsonFields older = fields.object("output_format");
        if (format != null && older != null) {
            throw RequestException.invalid(
                    "output_format", "output_format and output_config.format are the same: leave one of them out.");
        }
        JsonFields given = format == null ? older : format;
        return given == null ? null : GrammarReader.flat(given);
    }

    private static Choice choice(JsonFields fields) {
        JsonFields given = fields.object("tool_choice");
        if (given == null) {
            return new Choice(new ToolChoice.Auto(), true);
        }
        String type = given.text("type");
        boolean parallel = !given.flag("disable_parallel_tool_use", false);
        ToolChoice choice = switch (type == null ? "" : type) {
            case "auto" -> new ToolChoice.Auto();
            case "any" -> new ToolChoice.Required();
            case "tool" -> new ToolChoice.Named(AnthropicMessages.required(given, "name"));
            case "none" -> null;
            default ->
                throw RequestException.invalid(
                        "tool_choice.type", "tool_choice.type must be auto, any, tool or none, got " + type + ".");
        };
        given.end();
        return new Choice(choice, parallel);
    }

    private static Thinking thinking(JsonFields fields) {
        JsonFields given = fields.object("thinking");
        if (given == null) {
            return new Thinking(null, null);
        }
        String type = given.text("type");
        Integer budget = given.integer("budget_tokens");
        String display = given.text("display");
        if (display != null && !display.equals("summarized")) {
            throw RequestException.notSupported(
                    "thinking.display",
                    "thinking.display must be summarized: thinking is always shown, as the model wrote it, got "
                            + display + ".");
        }
        given.end();
        return switch (type == null ? "" : type) {
            case "enabled", "adaptive" -> new Thinking(true, budget);
            case "disabled" -> new Thinking(false, null);
            default ->
                throw RequestException.invalid(
                        "thinking.type", "thinking.type must be enabled, adaptive or disabled, got " + type + ".");
        };
    }

    private static Map<String, @Nullable Object> variables(JsonFields fields, Thinking thinking) {
        Map<String, @Nullable Object> variables = new LinkedHashMap<>();
        if (thinking.on() != null) {
            variables.put("thinking", thinking.on());
        }
        JsonFields output = fields.object("output_config");
        if (output != null) {
            String effort = output.text("effort");
            if (effort != null) {
                variables.put("reasoning_effort", effort);
            }
            output.object("format");
            output.end();
        }
        return variables;
    }

    private static void checkUnserved(JsonFields fields) {
        fields.accept("metadata", "cache_control", "user_profile_id", "workspace_id");
        fields.refuse("container", "context_management", "diagnostics", "fallbacks", "inference_geo", "mcp_servers");
        oneOf(fields, "service_tier", "auto", "standard_only");
        oneOf(fields, "speed", "standard", "standard");
    }

    private static void oneOf(JsonFields fields, String name, String first, String second) {
        String given = fields.text(name);
        if (given != null && !given.equals(first) && !given.equals(second)) {
            throw RequestException.notSupported(
                    name, name + " must be " + first + ": this server has one, got " + given + ".");
        }
    }
}
