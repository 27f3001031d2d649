package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.AnswerOptions;
import dev.fathom.serve.ChatRequest;
import dev.fathom.serve.Logprobs;
import dev.fathom.serve.SamplingFields;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.ToolChoice;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code POST /v1/chat/completions}: the request. */
final class ChatReader {
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
        List<Map<String, @Nullable Object>> tools = messages.tools(fields);
        ToolChoice choice = ToolChoiceReader.read(fields);
        Logprobs logprobs = logprobs(fields);
        SamplingFields sampling = SamplingReader.openAi(fields, maxTokens(fields));
        var request = new ChatRequest(
                id,
                choice == null ? withoutTools(conversation) : conversation,
                choice == null ? List.of() : tools,
                ThinkingReader.templateVariables(fields, messages),
                fields.flag("continue_final_message", false),
                sampling,
                logprobs,
                fields.integer("priority", 0),
                OpenAiFields.cacheKey(fields),
                stream.stream() ? config.streamInterval() : 1,
                new AnswerOptions(
                        fields.flag("separate_reasoning", true),
                        choice == null ? new ToolChoice.Auto() : choice,
                        fields.flag("parallel_tool_calls", true)));
        boolean streamReasoning = fields.flag("stream_reasoning", true);
        int @Nullable [] ids = TokenIds.read(fields, "input_ids");
        checkUnserved(fields);
        fields.end();
        var envelope = new Envelope(
                id, name == null ? model.name() : name, config.weightVersion(), config.enableCacheReport());
        return new Call(
                id,
                service -> ids == null ? service.chat(request) : service.chat(request, ids),
                answer -> new ChatFormat(model, envelope, stream, logprobs.chosen(), streamReasoning, answer),
                stream.stream());
    }

    /** What must not be called is not shown. */
    private static List<Map<String, @Nullable Object>> withoutTools(List<Map<String, @Nullable Object>> conversation) {
        conversation.forEach(message -> message.remove("tools"));
        return conversation;
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

    private static void checkUnserved(JsonFields fields) {
        OpenAiFields.checkUnserved(fields);
        fields.refuse(
                "functions",
                "function_call",
                "audio",
                "prediction",
                "web_search_options",
                "verbosity",
                "documents",
                "mm_processor_kwargs");
        List<String> modalities = fields.textOrTexts("modalities");
        if (modalities != null && !new ArrayList<>(modalities).equals(List.of("text"))) {
            throw RequestException.notSupported(
                    "modalities", "modalities must be [\"text\"]: the model writes text only, got " + modalities + ".");
        }
    }
}
