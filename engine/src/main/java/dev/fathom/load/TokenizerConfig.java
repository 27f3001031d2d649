package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What tokenizer_config.json says beside tokenizer.json, which alone decides how text becomes tokens.
 *
 * @param bosToken      text of the begin-of-sequence token
 * @param eosToken      text of the end-of-sequence token
 * @param addBosToken   whether a raw prompt begins with the begin-of-sequence token
 */
public record TokenizerConfig(Optional<String> bosToken, Optional<String> eosToken, boolean addBosToken) {
    private static final String FILE = "tokenizer_config.json";
    private static final String TEMPLATE_FILE = "chat_template.jinja";

    static final TokenizerConfig NONE = new TokenizerConfig(Optional.empty(), Optional.empty(), false);

    static TokenizerConfig read(CheckpointFiles files) {
        if (!files.exists(FILE)) {
            return NONE;
        }
        JsonNode root = tree(files);
        return new TokenizerConfig(
                tokenText(root, "bos_token"),
                tokenText(root, "eos_token"),
                root.path("add_bos_token").asBoolean(false));
    }

    /**
     * The checkpoint's chat template: a file of its own, or in tokenizer_config.json as a text or as a list of named
     * texts, of which {@code default} is taken.
     */
    static Optional<Template> template(CheckpointFiles files) {
        if (files.exists(TEMPLATE_FILE)) {
            String jinja = new String(files.read(TEMPLATE_FILE), StandardCharsets.UTF_8);
            return Optional.of(new Template(jinja, files.describe(TEMPLATE_FILE)));
        }
        if (!files.exists(FILE)) {
            return Optional.empty();
        }
        JsonNode template = tree(files).path("chat_template");
        if (template.isString()) {
            return Optional.of(new Template(template.stringValue(), files.describe(FILE)));
        }
        for (JsonNode named : template) {
            if (named.path("name").asString("").equals("default")) {
                return Optional.of(new Template(named.path("template").asString(""), files.describe(FILE)));
            }
        }
        return Optional.empty();
    }

    /** @param where the file it was found in, for messages */
    record Template(String jinja, String where) {}

    /** A token is given as its text, or as an object that holds it as {@code content}. */
    private static Optional<String> tokenText(JsonNode root, String key) {
        JsonNode token = root.path(key);
        JsonNode text = token.isObject() ? token.path("content") : token;
        return text.isString() ? Optional.of(text.stringValue()) : Optional.empty();
    }

    private static JsonNode tree(CheckpointFiles files) {
        try {
            JsonNode root = JsonMapper.shared().readTree(files.read(FILE));
            if (root.isObject()) {
                return root;
            }
        } catch (JacksonException e) {
            throw new CheckpointException(
                    files.describe(FILE) + " is not valid JSON: " + e.getOriginalMessage() + ". Download it again.", e);
        }
        throw new CheckpointException(files.describe(FILE) + " must hold a JSON object.");
    }
}
