package dev.fathom.checkpoint;

import java.util.List;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A GGUF file's vocabulary as the tokenizer.json and tokenizer_config.json that the same model is published with. */
final class GgufTokenizer {
    private static final JsonMapper JSON = JsonMapper.shared();

    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int UNUSED = 5;

    private final GgufMetadata metadata;
    private final GgufSplits splits;
    private final List<String> tokens;
    private final long[] types;

    /** @throws CheckpointException if it is no byte-level BPE, splits text in an unknown way, or contradicts itself */
    GgufTokenizer(GgufMetadata metadata) {
        this.metadata = metadata;
        String model = metadata.text("tokenizer.ggml.model");
        if (!model.equals("gpt2")) {
            throw new CheckpointException(metadata.where() + ": tokenizer.ggml.model is " + model
                    + ", only gpt2 (byte-level BPE) is served; give a tokenizer.json with --tokenizer-path.");
        }
        splits = GgufSplits.named(metadata.textIfPresent("tokenizer.ggml.pre").orElse("default"), metadata.where());
        tokens = metadata.texts("tokenizer.ggml.tokens");
        types = metadata.has("tokenizer.ggml.token_type")
                ? metadata.wholes("tokenizer.ggml.token_type")
                : new long[tokens.size()];
        if (types.length != tokens.size()) {
            throw new CheckpointException(metadata.where() + " has " + tokens.size() + " tokens and " + types.length
                    + " token types; the file is damaged, download it again.");
        }
    }

    byte[] json() {
        ObjectNode file = JSON.createObjectNode();
        ArrayNode added = file.putArray("added_tokens");
        ObjectNode model = JSON.createObjectNode();
        model.put("type", "BPE");
        model.put("ignore_merges", splits.llama3());
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            String token = tokens.get(id);
            boolean special = types[id] == CONTROL;
            if (special || types[id] == USER_DEFINED) {
                added.addObject()
                        .put("id", id)
                        .put("content", token)
                        .put("normalized", false)
                        .put("special", special);
            } else if (types[id] != UNUSED) {
                vocabulary.put(token, id);
            }
        }
        ArrayNode merges = model.putArray("merges");
        metadata.texts("tokenizer.ggml.merges").forEach(merges::add);
        file.set("model", model);
        file.set("pre_tokenizer", preTokenizer());
        file.putObject("decoder").put("type", "ByteLevel");
        return JSON.writeValueAsBytes(file);
    }

    private ObjectNode preTokenizer() {
        ObjectNode sequence = JSON.createObjectNode().put("type", "Sequence");
        ArrayNode steps = sequence.putArray("pretokenizers");
        for (String pattern : splits.patterns()) {
            ObjectNode step = steps.addObject().put("type", "Split").put("behavior", "Isolated");
            step.putObject("pattern").put("Regex", pattern);
        }
        steps.addObject()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("use_regex", false);
        return sequence;
    }

    byte[] configJson() {
        ObjectNode config = JSON.createObjectNode();
        token("tokenizer.ggml.bos_token_id").ifPresent(token -> config.put("bos_token", token));
        token("tokenizer.ggml.eos_token_id").ifPresent(token -> config.put("eos_token", token));
        config.put("add_bos_token", metadata.flagOr("tokenizer.ggml.add_bos_token", splits.llama3()));
        metadata.textIfPresent("tokenizer.chat_template").ifPresent(template -> config.put("chat_template", template));
        return JSON.writeValueAsBytes(config);
    }

    private Optional<String> token(String key) {
        if (!metadata.has(key)) {
            return Optional.empty();
        }
        long id = metadata.whole(key);
        if (id < 0 || id >= tokens.size()) {
            throw new CheckpointException(metadata.where() + ": " + key + " is " + Long.toUnsignedString(id)
                    + ", the file has " + tokens.size() + " tokens; the file is damaged, download it again.");
        }
        return Optional.of(tokens.get((int) id));
    }
}
