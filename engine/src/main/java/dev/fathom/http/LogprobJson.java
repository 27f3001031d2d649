package dev.fathom.http;

import dev.fathom.api.GenerationEvent.Token;
import dev.fathom.api.GenerationEvent.TokenLogprob;
import dev.fathom.serve.ServedModel;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Log-probabilities in the shapes of the three endpoints. */
final class LogprobJson {
    /** Stands for the logarithm of zero, which JSON cannot write; OpenAI's number. */
    private static final float LEAST = -9999f;

    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final ServedModel model;

    LogprobJson(ServedModel model) {
        this.model = model;
    }

    /** {@code {"content": [{token, bytes, logprob, top_logprobs: [...]}]}} */
    ObjectNode chat(List<Token> tokens) {
        ObjectNode logprobs = JSON.objectNode();
        ArrayNode content = logprobs.putArray("content");
        for (Token token : tokens) {
            ObjectNode entry = content.addObject();
            chatEntry(entry, token.id(), token.logprob());
            ArrayNode top = entry.putArray("top_logprobs");
            token.top().forEach(other -> chatEntry(top.addObject(), other.id(), other.logprob()));
        }
        return logprobs;
    }

    /** {@code {tokens, token_logprobs, top_logprobs, text_offset}}, parallel arrays. */
    ObjectNode completion(List<Token> tokens, int textOffset) {
        ObjectNode logprobs = JSON.objectNode();
        ArrayNode texts = logprobs.putArray("tokens");
        ArrayNode numbers = logprobs.putArray("token_logprobs");
        ArrayNode tops = logprobs.putArray("top_logprobs");
        ArrayNode offsets = logprobs.putArray("text_offset");
        int offset = textOffset;
        for (Token token : tokens) {
            String text = model.tokenText(token.id());
            texts.add(text);
            addNumber(numbers, token.logprob());
            offsets.add(offset);
            offset += text.length();
            if (token.top().isEmpty()) {
                tops.addNull();
            } else {
                ObjectNode top = tops.addObject();
                token.top().forEach(other -> top.put(model.tokenText(other.id()), finite(other.logprob())));
            }
        }
        return logprobs;
    }

    /** Characters these tokens advance {@code text_offset}. */
    int textLength(List<Token> tokens) {
        return tokens.stream()
                .mapToInt(token -> model.tokenText(token.id()).length())
                .sum();
    }

    /** {@code [[logprob, id, text or null], ...]} */
    ArrayNode generate(List<Token> tokens, boolean withText) {
        ArrayNode entries = JSON.arrayNode();
        tokens.forEach(token -> entries.add(generateEntry(token.logprob(), token.id(), withText)));
        return entries;
    }

    /** For each token its alternatives in the shape of {@link #generate}, or null. */
    ArrayNode generateTop(List<Token> tokens, boolean withText) {
        ArrayNode entries = JSON.arrayNode();
        for (Token token : tokens) {
            if (token.top().isEmpty()) {
                entries.addNull();
                continue;
            }
            ArrayNode top = entries.addArray();
            addEntries(top, token.top(), withText);
        }
        return entries;
    }

    /** For each token those that were asked for by id, in the shape of {@link #generate}; null where there are none. */
    ArrayNode generateAsked(List<Token> tokens, boolean withText) {
        ArrayNode entries = JSON.arrayNode();
        for (Token token : tokens) {
            if (token.asked().isEmpty()) {
                entries.addNull();
            } else {
                addEntries(entries.addArray(), token.asked(), withText);
            }
        }
        return entries;
    }

    private void addEntries(ArrayNode entries, List<TokenLogprob> tokens, boolean withText) {
        tokens.forEach(token -> entries.add(generateEntry(token.logprob(), token.id(), withText)));
    }

    private ArrayNode generateEntry(float logprob, int id, boolean withText) {
        @Nullable String text = withText ? model.tokenText(id) : null;
        ArrayNode entry = JSON.arrayNode();
        addNumber(entry, logprob);
        return entry.add(id).add(text);
    }

    /** The first token of a prompt has no log-probability. */
    private static void addNumber(ArrayNode numbers, float logprob) {
        if (Float.isNaN(logprob)) {
            numbers.addNull();
        } else {
            numbers.add(finite(logprob));
        }
    }

    private void chatEntry(ObjectNode entry, int id, float logprob) {
        entry.put("token", model.tokenText(id));
        entry.put("logprob", finite(logprob));
        ArrayNode bytes = entry.putArray("bytes");
        for (byte b : model.tokenBytes(id)) {
            bytes.add(b & 0xff);
        }
    }

    private static float finite(float logprob) {
        return Math.max(logprob, LEAST);
    }
}
