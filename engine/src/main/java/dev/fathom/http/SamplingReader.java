package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.serve.SamplingFields;
import dev.fathom.text.grammar.GrammarSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The sampling fields of a request; OpenAI's endpoints and {@code /generate} name a few of them differently. */
final class SamplingReader {
    private SamplingReader() {}

    /** @param max most tokens, already read, because chat has two names for it */
    static SamplingFields openAi(JsonFields fields, @Nullable Integer max) {
        return openAi(fields, max, 1);
    }

    /** @param least the least {@code max} may be: 0 where the prompt itself is an answer */
    static SamplingFields openAi(JsonFields fields, @Nullable Integer max, int least) {
        fields.refuse("stop_regex", "custom_params");
        if (max != null && max < least) {
            throw RequestException.invalid("max_tokens", "max_tokens must be at least " + least + ", got " + max + ".");
        }
        return common(fields, max, "min_tokens", "seed", GrammarReader.openAi(fields))
                .orElse(thinking(fields));
    }

    /** The thinking budget, which SGLang puts beside the sampling parameters. */
    static SamplingFields thinking(JsonFields fields) {
        return SamplingFields.builder()
                .maxThinkingTokens(fields.integer("max_thinking_tokens"))
                .build();
    }

    /** @param fields the object {@code sampling_params} */
    static SamplingFields generate(JsonFields fields) {
        fields.refuse("stop_regex", "custom_params");
        return common(
                fields,
                fields.integer("max_new_tokens"),
                "min_new_tokens",
                "sampling_seed",
                GrammarReader.sampling(fields));
    }

    private static SamplingFields common(
            JsonFields fields,
            @Nullable Integer max,
            String minName,
            String seedName,
            @Nullable GrammarSource grammar) {
        // Byte-level BPE puts no spaces between tokens, special or not: true and false mean the same.
        fields.flag("spaces_between_special_tokens");
        Integer min = fields.integer(minName);
        if (min != null && (min < 0 || (max != null && min > max))) {
            String most = max == null ? "the token limit" : max.toString();
            throw RequestException.invalid(
                    fields.path(minName), fields.path(minName) + " must be in [0, " + most + "], got " + min + ".");
        }
        return SamplingFields.builder()
                .maxNewTokens(max)
                .minNewTokens(min)
                .temperature(fields.number("temperature"))
                .topP(fields.number("top_p"))
                .topK(fields.integer("top_k"))
                .minP(fields.number("min_p"))
                .frequencyPenalty(fields.number("frequency_penalty"))
                .presencePenalty(fields.number("presence_penalty"))
                .repetitionPenalty(fields.number("repetition_penalty"))
                .logitBias(logitBias(fields))
                .seed(fields.longInteger(seedName))
                .stop(stop(fields))
                .stopTokenIds(stopTokenIds(fields))
                .ignoreEos(fields.flag("ignore_eos"))
                .skipSpecialTokens(fields.flag("skip_special_tokens"))
                .noStopTrim(fields.flag("no_stop_trim"))
                .n(fields.integer("n"))
                .grammar(grammar)
                .build();
    }

    private static @Nullable List<String> stop(JsonFields fields) {
        List<String> stop = fields.textOrTexts("stop");
        if (stop != null && stop.contains("")) {
            throw RequestException.invalid(
                    fields.path("stop"),
                    fields.path("stop") + " must not contain an empty string: it matches everywhere.");
        }
        return stop;
    }

    private static @Nullable Set<Integer> stopTokenIds(JsonFields fields) {
        List<JsonNode> nodes = fields.array("stop_token_ids");
        if (nodes == null) {
            return null;
        }
        Set<Integer> ids = new HashSet<>();
        for (int i = 0; i < nodes.size(); i++) {
            ids.add(JsonFields.integer(fields.path("stop_token_ids") + "[" + i + "]", nodes.get(i)));
        }
        return ids;
    }

    private static @Nullable Map<Integer, Float> logitBias(JsonFields fields) {
        JsonNode node = fields.node("logit_bias");
        if (node == null) {
            return null;
        }
        String path = fields.path("logit_bias");
        if (!node.isObject()) {
            throw JsonFields.wrongType(path, "an object of token ids and numbers", node);
        }
        Map<Integer, Float> bias = new HashMap<>();
        for (Map.Entry<String, JsonNode> entry : node.properties()) {
            bias.put(tokenId(path, entry.getKey()), JsonFields.number(path + "." + entry.getKey(), entry.getValue()));
        }
        return bias;
    }

    private static int tokenId(String path, String key) {
        try {
            return Integer.parseInt(key);
        } catch (NumberFormatException e) {
            throw RequestException.invalid(path, path + " needs token ids as keys, got \"" + key + "\".");
        }
    }
}
