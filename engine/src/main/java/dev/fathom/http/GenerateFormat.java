package dev.fathom.http;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent.Token;
import dev.fathom.serve.Logprobs;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextRequest;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.TextStream;
import dev.fathom.serve.Usage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /generate}: SGLang's native answer. Streamed text and ids are cumulative: every frame repeats them. */
final class GenerateFormat implements AnswerFormat {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    /**
     * @param list         whether the answer is an array, for batches and n &gt; 1
     * @param logprobText  whether log-probabilities carry the token's text
     * @param incremental  frames carry only what is new ({@code --incremental-streaming-output})
     */
    record Options(boolean list, boolean logprobText, String weightVersion, boolean incremental) {}

    /** What one sequence has written so far. */
    private static final class Written {
        private final StringBuilder text = new StringBuilder();
        private final List<Token> prompt = new ArrayList<>();
        private final List<Token> tokens = new ArrayList<>();
        private int shownTokens;
    }

    private final ServedModel model;
    private final Options options;
    private final LogprobJson logprobs;
    private final TextStream answer;
    private final List<TextRequest.Item> itemOf = new ArrayList<>();
    private final List<Written> written = new ArrayList<>();

    GenerateFormat(ServedModel model, Options options, TextRequest request, TextStream answer) {
        this.model = model;
        this.options = options;
        this.logprobs = new LogprobJson(model);
        this.answer = answer;
        for (TextRequest.Item item : request.items()) {
            Integer n = item.sampling().orElse(model.defaults()).n();
            for (int i = 0; i < (n == null ? 1 : n); i++) {
                itemOf.add(item);
                written.add(new Written());
            }
        }
    }

    @Override
    public List<JsonNode> delta(TextEvent.Delta delta) {
        Written soFar = written.get(delta.index());
        soFar.text.append(delta.text());
        soFar.prompt.addAll(delta.prompt());
        soFar.tokens.addAll(delta.tokens());
        return List.of(frame(delta.index(), soFar, null));
    }

    @Override
    public List<JsonNode> finished(TextEvent.Finished finished) {
        return List.of(frame(finished.index(), written.get(finished.index()), finished));
    }

    @Override
    public List<JsonNode> closing() {
        return List.of();
    }

    @Override
    public JsonNode whole(List<TextResult> results) {
        ArrayNode all = JSON.arrayNode();
        for (int i = 0; i < results.size(); i++) {
            TextResult result = results.get(i);
            ObjectNode meta = meta(i, result.reason(), result.usage(), result.elapsed());
            logprobs(meta, itemOf.get(i).logprobs(), result.prompt(), result.tokens());
            all.add(object(result.text(), result.tokens(), meta));
        }
        return options.list() ? all : all.get(0);
    }

    private ObjectNode frame(int index, Written soFar, TextEvent.@Nullable Finished finished) {
        int from = options.incremental() ? soFar.shownTokens : 0;
        List<Token> shown = soFar.tokens.subList(from, soFar.tokens.size());
        soFar.shownTokens = soFar.tokens.size();
        ObjectNode meta = finished == null
                ? meta(index, null, usage(index, soFar), null)
                : meta(index, finished.reason(), finished.usage(), finished.elapsed());
        logprobs(meta, itemOf.get(index).logprobs(), soFar.prompt, shown);
        ObjectNode frame = object(soFar.text.toString(), shown, meta);
        if (options.incremental()) {
            soFar.text.setLength(0);
        }
        if (options.list()) {
            frame.put("index", index);
        }
        return frame;
    }

    private Usage usage(int index, Written soFar) {
        return new Usage(answer.promptTokens(index), soFar.tokens.size(), answer.cachedTokens(index), 0);
    }

    private ObjectNode object(String text, List<Token> tokens, ObjectNode meta) {
        ObjectNode object = JSON.objectNode();
        if (model.tokenizer() != null) {
            object.put("text", text);
        }
        ArrayNode ids = object.putArray("output_ids");
        tokens.forEach(token -> ids.add(token.id()));
        object.set("meta_info", meta);
        return object;
    }

    private ObjectNode meta(int index, @Nullable FinishReason reason, Usage usage, @Nullable Duration elapsed) {
        ObjectNode meta = JSON.objectNode().put("id", itemOf.get(index).id());
        meta.set("finish_reason", reason == null ? JSON.nullNode() : finishReason(reason));
        meta.put("prompt_tokens", usage.promptTokens())
                .put("weight_version", options.weightVersion())
                .put("completion_tokens", usage.completionTokens())
                .put("cached_tokens", usage.cachedTokens());
        if (elapsed != null) {
            meta.put("e2e_latency", elapsed.toNanos() / 1e9);
        }
        return meta;
    }

    private void logprobs(ObjectNode meta, Logprobs wanted, List<Token> prompt, List<Token> tokens) {
        boolean text = options.logprobText();
        if (wanted.chosen()) {
            meta.set("input_token_logprobs", logprobs.generate(prompt, text));
            meta.set("output_token_logprobs", logprobs.generate(tokens, text));
        }
        if (wanted.top() > 0) {
            meta.set("input_top_logprobs", logprobs.generateTop(prompt, text));
            meta.set("output_top_logprobs", logprobs.generateTop(tokens, text));
        }
        if (!wanted.reports().ids().isEmpty()) {
            meta.set("input_token_ids_logprobs", logprobs.generateAsked(prompt, text));
            meta.set("output_token_ids_logprobs", logprobs.generateAsked(tokens, text));
        }
    }

    private static ObjectNode finishReason(FinishReason reason) {
        ObjectNode node = JSON.objectNode().put("type", Envelope.name(reason));
        switch (reason) {
            case FinishReason.Length length -> node.put("length", length.tokens());
            case FinishReason.StopToken token -> node.put("matched", token.id());
            case FinishReason.StopString stop -> node.put("matched", stop.text());
            case FinishReason.Aborted aborted -> node.put("message", aborted.message());
        }
        return node;
    }
}
