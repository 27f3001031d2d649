package dev.fathom.http;

import dev.fathom.api.GenerationEvent.Token;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.TextStream;
import dev.fathom.serve.Usage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /v1/chat/completions}: the answer. */
final class ChatFormat implements AnswerFormat {
    private final Envelope envelope;
    private final StreamOptions options;
    private final boolean logprobsWanted;
    private final LogprobJson logprobs;
    private final TextStream answer;
    private final boolean[] begun;
    private final int[] tokens;
    private final @Nullable Usage[] usages;

    ChatFormat(ServedModel model, Envelope envelope, StreamOptions options, boolean logprobsWanted, TextStream answer) {
        this.envelope = envelope;
        this.options = options;
        this.logprobsWanted = logprobsWanted;
        this.logprobs = new LogprobJson(model);
        this.answer = answer;
        this.begun = new boolean[answer.size()];
        this.tokens = new int[answer.size()];
        this.usages = new Usage[answer.size()];
    }

    @Override
    public List<JsonNode> delta(TextEvent.Delta delta) {
        int i = delta.index();
        tokens[i] += delta.tokens().size();
        var chunks = new ArrayList<JsonNode>();
        begin(i, chunks);
        if (!delta.text().isEmpty() || logprobsWanted) {
            ObjectNode chunk = chunk(i);
            ObjectNode choice = choice(chunk, i);
            choice.putObject("delta").put("content", delta.text());
            logprobs(choice, delta.tokens());
            Envelope.unfinished(choice);
            chunks.add(chunk);
        }
        return chunks;
    }

    @Override
    public List<JsonNode> finished(TextEvent.Finished finished) {
        int i = finished.index();
        tokens[i] = finished.usage().completionTokens();
        usages[i] = finished.usage();
        var chunks = new ArrayList<JsonNode>();
        begin(i, chunks);
        ObjectNode chunk = chunk(i);
        ObjectNode choice = choice(chunk, i);
        choice.putObject("delta");
        choice.putNull("logprobs");
        Envelope.finish(choice, finished.reason());
        chunks.add(chunk);
        return chunks;
    }

    @Override
    public List<JsonNode> closing() {
        if (!options.includeUsage()) {
            return List.of();
        }
        ObjectNode chunk = envelope.object("chat.completion.chunk");
        chunk.putArray("choices");
        chunk.set("usage", envelope.usage(Envelope.total(Arrays.asList(usages), answer.size())));
        return List.of(chunk);
    }

    @Override
    public JsonNode whole(List<TextResult> results) {
        ObjectNode whole = envelope.object("chat.completion");
        ArrayNode choices = whole.putArray("choices");
        for (int i = 0; i < results.size(); i++) {
            TextResult result = results.get(i);
            usages[i] = result.usage();
            ObjectNode choice = choices.addObject().put("index", i);
            choice.putObject("message")
                    .put("role", "assistant")
                    .put("content", result.text())
                    .putNull("reasoning_content")
                    .putNull("tool_calls");
            logprobs(choice, result.tokens());
            Envelope.finish(choice, result.reason());
        }
        whole.set("usage", envelope.usage(Envelope.total(Arrays.asList(usages), answer.size())));
        envelope.metadata(whole);
        return whole;
    }

    /** The first chunk of a choice carries the role and no text. */
    private void begin(int i, List<JsonNode> chunks) {
        if (begun[i]) {
            return;
        }
        begun[i] = true;
        ObjectNode chunk = chunk(i);
        ObjectNode choice = choice(chunk, i);
        choice.putObject("delta").put("role", "assistant").put("content", "");
        choice.putNull("logprobs");
        Envelope.unfinished(choice);
        chunks.add(chunk);
    }

    private ObjectNode chunk(int i) {
        ObjectNode chunk = envelope.object("chat.completion.chunk");
        chunk.putArray("choices");
        if (options.continuousUsage()) {
            chunk.set("usage", envelope.usage(new Usage(answer.promptTokens(i), tokens[i], 0)));
        } else {
            chunk.putNull("usage");
        }
        return chunk;
    }

    private static ObjectNode choice(ObjectNode chunk, int i) {
        return chunk.withArray("choices").addObject().put("index", i);
    }

    private void logprobs(ObjectNode choice, List<Token> tokens) {
        if (logprobsWanted) {
            choice.set("logprobs", logprobs.chat(tokens));
        } else {
            choice.putNull("logprobs");
        }
    }
}
