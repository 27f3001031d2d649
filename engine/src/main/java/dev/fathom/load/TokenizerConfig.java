package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.MissingNode;

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
    private static final String DEFAULT = "default";

    static final TokenizerConfig NONE = new TokenizerConfig(Optional.empty(), Optional.empty(), false);

    static TokenizerConfig read(CheckpointFiles files) {
        if (!files.exists(FILE)) {
            return NONE;
        }
        JsonNode root = tree(files);
        return new TokenizerConfig(
                tokenText(root, "bos_token", files),
                tokenText(root, "eos_token", files),
                root.path("add_bos_token").asBoolean(false));
    }

    /**
     * The checkpoint's chat template: a file of its own, or in tokenizer_config.json as a text or as a list of named
     * texts.
     *
     * @param wanted  the name of the one to take; null takes {@code default}, or the only text there is
     */
    static Optional<Template> template(CheckpointFiles files, @Nullable String wanted) {
        String name = wanted == null ? DEFAULT : wanted;
        if (name.equals(DEFAULT) && files.exists(TEMPLATE_FILE)) {
            String jinja = new String(files.read(TEMPLATE_FILE), StandardCharsets.UTF_8);
            return Optional.of(new Template(jinja, files.describe(TEMPLATE_FILE)));
        }
        JsonNode template = files.exists(FILE) ? tree(files).path("chat_template") : MissingNode.getInstance();
        if (template.isString() && wanted == null) {
            return Optional.of(new Template(template.stringValue(), files.describe(FILE)));
        }
        if (wanted == null && (template.isMissingNode() || template.isNull())) {
            return Optional.empty();
        }
        List<String> names = new ArrayList<>();
        for (JsonNode named : template) {
            String found = named.path("name").asString("");
            if (found.equals(name) && named.path("template").isString()) {
                return Optional.of(new Template(named.path("template").stringValue(), files.describe(FILE)));
            }
            names.add(found);
        }
        throw new CheckpointException(files.describe(FILE) + ": chat_template must be a "
                + (wanted == null ? "text or a " : "") + "list with one named \"" + name + "\", got "
                + (names.isEmpty() ? "none" : "only " + names)
                + "; name another with --hf-chat-template-name, or give a file with --chat-template.");
    }

    /** @param where the file it was found in, for messages */
    record Template(String jinja, String where) {}

    /** A token is given as its text, or as an object that holds it as {@code content}. */
    private static Optional<String> tokenText(JsonNode root, String key, CheckpointFiles files) {
        JsonNode token = root.path(key);
        if (token.isMissingNode() || token.isNull()) {
            return Optional.empty();
        }
        JsonNode text = token.isObject() ? token.path("content") : token;
        if (!text.isString()) {
            throw new CheckpointException(files.describe(FILE) + ": " + key + " must be a text or an object with a text"
                    + " \"content\", got " + token + "; correct it or download the file again.");
        }
        return Optional.of(text.stringValue());
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
