package dev.fathom.http;

import dev.fathom.api.FinishReason;
import dev.fathom.api.GenerationEvent.Token;
import dev.fathom.serve.ServedModel;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import dev.fathom.serve.TextStream;
import dev.fathom.serve.Usage;
import dev.fathom.text.answer.AnswerPart;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /v1/chat/completions}: the answer. */
final class ChatFormat implements AnswerFormat {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Envelope envelope;
    private final StreamOptions options;
    private final boolean logprobsWanted;
    private final LogprobJson logprobs;
    private final TextStream answer;
    private final boolean streamReasoning;
    private final List<Written> written = new ArrayList<>();
    private final @Nullable Usage[] usages;

    /** What one choice has written so far. */
    private static final class Written {
        private final StringBuilder heldReasoning = new StringBuilder();
        private boolean begun;
        private int tokens;
        private int reasoningTokens;
    }

    /** @param streamReasoning false sends the reasoning in one piece */
    ChatFormat(
            ServedModel model,
            Envelope envelope,
            StreamOptions options,
            boolean logprobsWanted,
            boolean streamReasoning,
            TextStream answer) {
        this.envelope = envelope;
        this.options = options;
        this.logprobsWanted = logprobsWanted;
        this.logprobs = new LogprobJson(model);
        this.streamReasoning = streamReasoning;
        this.answer = answer;
        for (int i = 0; i < answer.size(); i++) {
            written.add(new Written());
        }
        this.usages = new Usage[answer.size()];
    }

    @Override
    public List<JsonNode> delta(TextEvent.Delta delta) {
        int i = delta.index();
        Written soFar = written.get(i);
        soFar.tokens += delta.tokens().size();
        soFar.reasoningTokens += delta.reasoningTokens();
        var chunks = new ArrayList<JsonNode>();
        begin(i, chunks);
        List<ObjectNode> pieces = pieces(soFar, delta.parts());
        if (pieces.isEmpty() && logprobsWanted && !delta.tokens().isEmpty()) {
            pieces = List.of(JSON.objectNode().put("content", ""));
        }
        List<Token> tokens = delta.tokens();
        for (ObjectNode piece : pieces) {
            chunks.add(chunk(i, piece, tokens));
            tokens = List.of();
        }
        return chunks;
    }

    @Override
    public List<JsonNode> finished(TextEvent.Finished finished) {
        int i = finished.index();
        Written soFar = written.get(i);
        soFar.tokens = finished.usage().completionTokens();
        soFar.reasoningTokens = finished.usage().reasoningTokens();
        usages[i] = finished.usage();
        var chunks = new ArrayList<JsonNode>();
        begin(i, chunks);
        var held = new ArrayList<ObjectNode>();
        addHeld(soFar, held);
        held.forEach(piece -> chunks.add(chunk(i, piece, List.of())));
        ObjectNode chunk = chunk(i);
        ObjectNode choice = choice(chunk, i);
        choice.putObject("delta");
        choice.putNull("logprobs");
        finish(choice, finished.reason(), finished.callsTools());
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
            choice.set("message", AnswerJson.message(result.answer()));
            logprobs(choice, result.tokens());
            finish(choice, result.reason(), result.callsTools());
        }
        whole.set("usage", envelope.usage(Envelope.total(Arrays.asList(usages), answer.size())));
        envelope.metadata(whole);
        return whole;
    }

    /** What deltas say these parts. */
    private List<ObjectNode> pieces(Written soFar, List<AnswerPart> parts) {
        var pieces = new ArrayList<ObjectNode>();
        for (AnswerPart part : parts) {
            if (!streamReasoning && part instanceof AnswerPart.Reasoning reasoning) {
                soFar.heldReasoning.append(reasoning.text());
            } else {
                addHeld(soFar, pieces);
                pieces.addAll(AnswerJson.deltas(part));
            }
        }
        return pieces;
    }

    private static void addHeld(Written soFar, List<ObjectNode> pieces) {
        if (!soFar.heldReasoning.isEmpty()) {
            pieces.add(AnswerJson.reasoning(soFar.heldReasoning.toString()));
            soFar.heldReasoning.setLength(0);
        }
    }

    private static void finish(ObjectNode choice, FinishReason reason, boolean callsTools) {
        Envelope.finish(choice, reason);
        if (callsTools) {
            choice.put("finish_reason", "tool_calls");
        }
    }

    /** The first chunk of a choice carries the role and no text. */
    private void begin(int i, List<JsonNode> chunks) {
        if (!written.get(i).begun) {
            written.get(i).begun = true;
            ObjectNode first = JSON.objectNode().put("role", "assistant").put("content", "");
            ObjectNode chunk = chunk(i);
            ObjectNode choice = choice(chunk, i);
            choice.set("delta", first);
            choice.putNull("logprobs");
            Envelope.unfinished(choice);
            chunks.add(chunk);
        }
    }

    /** @param tokens those whose log-probabilities this chunk carries */
    private ObjectNode chunk(int i, ObjectNode delta, List<Token> tokens) {
        ObjectNode chunk = chunk(i);
        ObjectNode choice = choice(chunk, i);
        choice.set("delta", delta);
        if (tokens.isEmpty()) {
            choice.putNull("logprobs");
        } else {
            logprobs(choice, tokens);
        }
        Envelope.unfinished(choice);
        return chunk;
    }

    private ObjectNode chunk(int i) {
        ObjectNode chunk = envelope.object("chat.completion.chunk");
        chunk.putArray("choices");
        if (options.continuousUsage()) {
            Written soFar = written.get(i);
            var usage = new Usage(answer.promptTokens(i), soFar.tokens, answer.cachedTokens(i), soFar.reasoningTokens);
            chunk.set("usage", envelope.usage(usage));
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
