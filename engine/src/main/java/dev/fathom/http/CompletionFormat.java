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

/** {@code POST /v1/completions}: the answer. */
final class CompletionFormat implements AnswerFormat {
    private final Envelope envelope;
    private final StreamOptions options;
    private final boolean logprobsWanted;
    private final LogprobJson logprobs;
    private final TextStream answer;
    private final int answersEach;
    private final List<String> prefixes;
    private final boolean[] begun;
    private final int[] tokens;
    private final int[] textOffsets;
    private final @Nullable Usage[] usages;

    /** @param prefixes for each prompt what its answers begin with; the sequences are spread evenly over the prompts */
    CompletionFormat(
            ServedModel model,
            Envelope envelope,
            StreamOptions options,
            boolean logprobsWanted,
            List<String> prefixes,
            TextStream answer) {
        this.envelope = envelope;
        this.options = options;
        this.logprobsWanted = logprobsWanted;
        this.logprobs = new LogprobJson(model);
        this.answer = answer;
        this.answersEach = answer.size() / prefixes.size();
        this.prefixes = List.copyOf(prefixes);
        this.begun = new boolean[answer.size()];
        this.tokens = new int[answer.size()];
        this.textOffsets = new int[answer.size()];
        this.usages = new Usage[answer.size()];
    }

    @Override
    public List<JsonNode> delta(TextEvent.Delta delta) {
        int i = delta.index();
        tokens[i] += delta.tokens().size();
        String text = begin(i) + delta.text();
        List<Token> explained = both(delta.prompt(), delta.tokens());
        if (text.isEmpty() && !logprobsWanted) {
            return List.of();
        }
        ObjectNode chunk = chunk(i);
        ObjectNode choice = choice(chunk, i, text);
        logprobs(choice, i, explained);
        Envelope.unfinished(choice);
        return List.of(chunk);
    }

    @Override
    public List<JsonNode> finished(TextEvent.Finished finished) {
        int i = finished.index();
        tokens[i] = finished.usage().completionTokens();
        usages[i] = finished.usage();
        ObjectNode chunk = chunk(i);
        ObjectNode choice = choice(chunk, i, begin(i));
        choice.putNull("logprobs");
        Envelope.finish(choice, finished.reason());
        return List.of(chunk);
    }

    @Override
    public List<JsonNode> closing() {
        if (!options.includeUsage()) {
            return List.of();
        }
        ObjectNode chunk = envelope.object("text_completion");
        chunk.putArray("choices");
        chunk.set("usage", envelope.usage(Envelope.total(Arrays.asList(usages), answersEach)));
        return List.of(chunk);
    }

    @Override
    public JsonNode whole(List<TextResult> results) {
        ObjectNode whole = envelope.object("text_completion");
        ArrayNode choices = whole.putArray("choices");
        for (int i = 0; i < results.size(); i++) {
            TextResult result = results.get(i);
            usages[i] = result.usage();
            ObjectNode choice = choices.addObject().put("index", i).put("text", begin(i) + result.text());
            logprobs(choice, i, both(result.prompt(), result.tokens()));
            Envelope.finish(choice, result.reason());
        }
        whole.set("usage", envelope.usage(Envelope.total(Arrays.asList(usages), answersEach)));
        envelope.metadata(whole);
        return whole;
    }

    private static List<Token> both(List<Token> prompt, List<Token> tokens) {
        var both = new ArrayList<>(prompt);
        both.addAll(tokens);
        return both;
    }

    /** What an answer begins with, once. */
    private String begin(int i) {
        String prefix = begun[i] ? "" : prefixes.get(i / answersEach);
        begun[i] = true;
        return prefix;
    }

    private ObjectNode chunk(int i) {
        ObjectNode chunk = envelope.object("text_completion");
        chunk.putArray("choices");
        if (options.continuousUsage()) {
            chunk.set("usage", envelope.usage(new Usage(answer.promptTokens(i), tokens[i], answer.cachedTokens(i), 0)));
        } else {
            chunk.putNull("usage");
        }
        return chunk;
    }

    private static ObjectNode choice(ObjectNode chunk, int i, String text) {
        return chunk.withArray("choices").addObject().put("index", i).put("text", text);
    }

    private void logprobs(ObjectNode choice, int i, List<Token> newTokens) {
        if (logprobsWanted) {
            choice.set("logprobs", logprobs.completion(newTokens, textOffsets[i]));
            textOffsets[i] += logprobs.textLength(newTokens);
        } else {
            choice.putNull("logprobs");
        }
    }
}
