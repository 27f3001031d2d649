package dev.fathom.checkpoint;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A byte-level BPE tokenizer as a GGUF file has it: the reverse of {@link GgufTokenizer}. */
final class GgufTokenizerPairs {
    private static final int NORMAL = 1;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int UNUSED = 5;

    private final CheckpointFiles files;
    private final HfConfig config;

    GgufTokenizerPairs(CheckpointFiles files, HfConfig config) {
        this.files = files;
        this.config = config;
    }

    /** @throws CheckpointException if it splits text in a way that GGUF has no name for */
    void addTo(GgufPairs pairs) {
        JsonNode file = JsonMapper.shared().readTree(files.read("tokenizer.json"));
        int size = config.integer("vocab_size");
        List<String> tokens = new ArrayList<>(Collections.nCopies(size, ""));
        int[] types = new int[size];
        for (int id = 0; id < size; id++) {
            tokens.set(id, "[PAD" + id + "]");
            types[id] = UNUSED;
        }
        file.path("model").path("vocab").forEachEntry((token, id) -> {
            tokens.set(id.intValue(), token);
            types[id.intValue()] = NORMAL;
        });
        for (JsonNode added : file.path("added_tokens")) {
            int id = added.path("id").intValue();
            tokens.set(id, added.path("content").stringValue());
            types[id] = added.path("special").asBoolean(false) ? CONTROL : USER_DEFINED;
        }
        List<String> merges = new ArrayList<>();
        for (JsonNode merge : file.path("model").path("merges")) {
            merges.add(
                    merge.isArray()
                            ? merge.get(0).stringValue() + " " + merge.get(1).stringValue()
                            : merge.stringValue());
        }
        pairs.text("tokenizer.ggml.model", "gpt2")
                .text("tokenizer.ggml.pre", splits(file))
                .texts("tokenizer.ggml.tokens", tokens)
                .wholes("tokenizer.ggml.token_type", types)
                .texts("tokenizer.ggml.merges", merges);
        for (String id : List.of("bos_token_id", "eos_token_id")) {
            config.integersOrNone(id).stream()
                    .findFirst()
                    .ifPresent(token -> pairs.whole("tokenizer.ggml." + id, token));
        }
        texts(pairs);
    }

    private void texts(GgufPairs pairs) {
        JsonNode named = files.exists("tokenizer_config.json")
                ? JsonMapper.shared().readTree(files.read("tokenizer_config.json"))
                : JsonMapper.shared().createObjectNode();
        pairs.flag("tokenizer.ggml.add_bos_token", named.path("add_bos_token").asBoolean(false));
        if (files.exists("chat_template.jinja")) {
            byte[] template = files.read("chat_template.jinja");
            pairs.text("tokenizer.chat_template", new String(template, StandardCharsets.UTF_8));
        } else if (named.path("chat_template").isString()) {
            pairs.text("tokenizer.chat_template", named.path("chat_template").stringValue());
        }
    }

    /** Where no token has two digits, it makes no difference whether numbers are cut after one digit or after three. */
    private static List<String> withLongNumbers(List<String> patterns, JsonNode file) {
        boolean single = file.path("model").path("vocab").propertyNames().stream()
                .noneMatch(token -> token.matches(".*\\p{N}{2}.*"));
        return single
                ? patterns.stream()
                        .map(pattern -> pattern.equals("\\p{N}") ? "\\p{N}{1,3}" : pattern)
                        .toList()
                : patterns;
    }

    private String splits(JsonNode file) {
        List<String> patterns = new ArrayList<>();
        JsonNode steps = file.path("pre_tokenizer").path("pretokenizers");
        for (JsonNode step : steps) {
            if (step.path("type").asString("").equals("Split")) {
                patterns.add(step.path("pattern").path("Regex").asString(""));
            }
        }
        return GgufSplits.nameOf(patterns)
                .or(() -> GgufSplits.nameOf(withLongNumbers(patterns, file)))
                .orElseThrow(() -> new CheckpointException(files.describe("tokenizer.json")
                        + " splits text by patterns that no GGUF tokenizer is known for; convert to another format."));
    }
}
