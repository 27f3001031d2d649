package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.ChatRequest;
import dev.fathom.serve.Logprobs;
import dev.fathom.serve.Prompt;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextRequest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** {@code POST /v1/chat/completions}: the request. */
final class ChatReader {
    private static final Set<String> OWN_VARIABLES = Set.of("messages", "tools", "add_generation_prompt");

    private final HttpConfig config;
    private final ServedModel model;
    private final MessageReader messages;

    ChatReader(HttpConfig config, ServedModel model, MessageReader messages) {
        this.config = config;
        this.model = model;
        this.messages = messages;
    }

    Call read(JsonFields fields) {
        String name = fields.text("model");
        String id = OpenAiFields.requestId(fields, "chatcmpl-");
        StreamOptions stream = StreamOptions.read(fields);
        List<Map<String, @Nullable Object>> conversation = messages.messages(fields);
        List<Map<String, @Nullable Object>> tools = tools(fields);
        Logprobs logprobs = logprobs(fields);
        SamplingFields sampling = SamplingReader.openAi(fields, maxTokens(fields));
        var request = new ChatRequest(
                id,
                conversation,
                tools,
                templateVariables(fields),
                fields.flag("continue_final_message", false),
                sampling,
                logprobs,
                fields.integer("priority", 0),
                OpenAiFields.cacheKey(fields),
                stream.stream() ? config.streamInterval() : 1);
        int @Nullable [] ids = TokenIds.read(fields, "input_ids");
        checkUnserved(fields);
        fields.end();
        var envelope = new Envelope(
                id, name == null ? model.name() : name, config.weightVersion(), config.enableCacheReport());
        return new Call(
                service -> ids == null ? service.chat(request) : service.start(withoutTemplate(request, ids)),
                answer -> new ChatFormat(model, envelope, stream, logprobs.chosen(), answer),
                stream.stream());
    }

    private static TextRequest withoutTemplate(ChatRequest request, int[] ids) {
        var item = new TextRequest.Item(request.id(), new Prompt.Ids(ids), request.sampling(), request.logprobs());
        return new TextRequest(List.of(item), null, request.priority(), request.cacheKey(), request.streamInterval());
    }

    private static @Nullable Integer maxTokens(JsonFields fields) {
        Integer old = fields.integer("max_tokens");
        Integer current = fields.integer("max_completion_tokens");
        return old != null ? old : current;
    }

    private static Logprobs logprobs(JsonFields fields) {
        boolean wanted = fields.flag("logprobs", false);
        int top = fields.integer("top_logprobs", 0);
        if (top != 0 && !wanted) {
            throw RequestException.invalid("top_logprobs", "top_logprobs needs logprobs to be true.");
        }
        return new Logprobs(wanted, top);
    }

    private List<Map<String, @Nullable Object>> tools(JsonFields fields) {
        List<Map<String, @Nullable Object>> tools = messages.tools(fields);
        JsonNode choice = fields.node("tool_choice");
        if (choice == null || (choice.isString() && choice.stringValue().equals("auto"))) {
            return tools;
        }
        if (choice.isString() && choice.stringValue().equals("none")) {
            return List.of();
        }
        throw RequestException.notSupported(
                "tool_choice",
                "tool_choice must be auto or none: forcing a tool call is not supported yet, got " + choice + ".");
    }

    private Map<String, @Nullable Object> templateVariables(JsonFields fields) {
        JsonNode given = fields.node("chat_template_kwargs");
        Map<String, @Nullable Object> variables =
                given == null ? new LinkedHashMap<>() : messages.plainObject("chat_template_kwargs", given);
        for (String own : OWN_VARIABLES) {
            if (variables.containsKey(own)) {
                throw RequestException.invalid(
                        "chat_template_kwargs", "chat_template_kwargs must not set " + own + ": the server does.");
            }
        }
        JsonNode effort = fields.node("reasoning_effort");
        if (effort != null) {
            if (!effort.isString()) {
                throw RequestException.notSupported(
                        "reasoning_effort",
                        "reasoning_effort must be a string such as \"high\": numbers are not supported yet, got "
                                + effort + ".");
            }
            variables.putIfAbsent("reasoning_effort", effort.stringValue());
            if (effort.stringValue().equals("none")) {
                variables.putIfAbsent("thinking", false);
                variables.putIfAbsent("enable_thinking", false);
            }
        }
        return variables;
    }

    private static void checkUnserved(JsonFields fields) {
        OpenAiFields.checkUnserved(fields);
        fields.refuse(
                "separate_reasoning",
                "reasoning",
                "max_thinking_tokens",
                "functions",
                "function_call",
                "audio",
                "prediction",
                "web_search_options",
                "verbosity",
                "documents",
                "mm_processor_kwargs");
        fields.flag("stream_reasoning"); // says how separated reasoning is streamed; there is none
        fields.flag("parallel_tool_calls");
        List<String> modalities = fields.textOrTexts("modalities");
        if (modalities != null && !new ArrayList<>(modalities).equals(List.of("text"))) {
            throw RequestException.notSupported(
                    "modalities", "modalities must be [\"text\"]: the model writes text only, got " + modalities + ".");
        }
    }
}
