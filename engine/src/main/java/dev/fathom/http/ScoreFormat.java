package dev.fathom.http;

import dev.fathom.api.GenerationEvent.TokenLogprob;
import dev.fathom.serve.TextEvent;
import dev.fathom.serve.TextResult;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code POST /v1/score}: the answer, for each item a number for each label. It is never streamed. */
final class ScoreFormat implements AnswerFormat {
    private final String model;
    private final boolean softmax;

    /** @param softmax whether an item's scores are made to add up to 1; else they are probabilities among all tokens */
    ScoreFormat(String model, boolean softmax) {
        this.model = model;
        this.softmax = softmax;
    }

    @Override
    public List<JsonNode> delta(TextEvent.Delta delta) {
        return List.of();
    }

    @Override
    public List<JsonNode> finished(TextEvent.Finished finished) {
        return List.of();
    }

    @Override
    public List<JsonNode> closing() {
        return List.of();
    }

    @Override
    public JsonNode whole(List<TextResult> results) {
        ObjectNode whole = JsonNodeFactory.instance.objectNode();
        ArrayNode scores = whole.putArray("scores");
        int tokens = 0;
        for (TextResult result : results) {
            tokens += result.usage().promptTokens();
            ArrayNode item = scores.addArray();
            List<TokenLogprob> labels = result.tokens().isEmpty()
                    ? List.of()
                    : result.tokens().getFirst().asked();
            double sum = labels.stream()
                    .mapToDouble(label -> Math.exp(label.logprob()))
                    .sum();
            for (TokenLogprob label : labels) {
                item.add(Math.exp(label.logprob()) / (softmax ? sum : 1));
            }
        }
        whole.put("model", model);
        whole.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
        return whole.put("object", "scoring");
    }
}
