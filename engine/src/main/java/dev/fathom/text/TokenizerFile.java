package dev.fathom.text;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads the JSON of a {@code tokenizer.json}, vocabulary and merges in a stream, the small parts as trees.
 *
 * <p>The file is untrusted: every way it can be wrong ends in a {@link TokenizerException}.
 */
final class TokenizerFile {
    /** Ids are array indices here; the largest published vocabularies have about 260,000. */
    static final int MAX_ID = 1 << 22;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    // Vocabulary keys are all different: keeping a table of them would only cost time and memory.
                    .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                    .build())
            // Trees are read from the middle of the stream.
            .disable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    final List<AddedToken> addedTokens = new ArrayList<>();
    final Map<String, Integer> vocabulary;
    /** Left and right parts in turn, in the order of their ranks. */
    final List<String> merges = new ArrayList<>();

    final Map<String, JsonNode> parts = new HashMap<>();
    final Map<String, JsonNode> modelSettings = new HashMap<>();
    private boolean modelSeen;

    private TokenizerFile(int bytes) {
        // An entry of vocabulary and merges together takes some 60 bytes of the file.
        vocabulary = new HashMap<>(bytes / 48);
    }

    static TokenizerFile read(byte[] json) {
        TokenizerFile file = new TokenizerFile(json.length);
        try (JsonParser parser = MAPPER.tokenStreamFactory().createParser(ObjectReadContext.empty(), json)) {
            file.root(parser);
        } catch (JacksonException e) {
            throw new TokenizerException(
                    "not readable as JSON: "
                            + e.getOriginalMessage().replaceFirst(" \\(start marker at .*\\)$", "") + location(e)
                            + "; the file is damaged, download it again",
                    e);
        }
        return file;
    }

    /** A part of the file, such as {@code normalizer}; null when it is absent or null. */
    @Nullable
    JsonNode part(String name) {
        return present(parts.get(name));
    }

    /** A setting of the model, such as {@code unk_token}; null when it is absent or null. */
    @Nullable
    JsonNode modelSetting(String name) {
        return present(modelSettings.get(name));
    }

    private static @Nullable JsonNode present(@Nullable JsonNode node) {
        return node == null || node.isNull() ? null : node;
    }

    private static String location(JacksonException e) {
        var at = e.getLocation();
        return at == null ? "" : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
    }

    private void root(JsonParser parser) {
        expect(parser.nextToken(), JsonToken.START_OBJECT, "the file");
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken token = parser.nextToken();
            switch (name) {
                case "model" -> model(parser, token);
                case "added_tokens" -> addedTokens(parser, token);
                case "normalizer", "pre_tokenizer", "decoder", "post_processor" -> parts.put(name, tree(parser));
                // Truncation and padding shape batches for training; an encoder of prompts must not cut them.
                default -> parser.skipChildren();
            }
        }
        if (parser.nextToken() != null) {
            throw new TokenizerException("there is more behind the end of the JSON object");
        }
        if (!modelSeen) {
            throw new TokenizerException("'model' is missing");
        }
    }

    private void model(JsonParser parser, JsonToken token) {
        expect(token, JsonToken.START_OBJECT, "'model'");
        modelSeen = true;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (name) {
                case "vocab" -> vocabulary(parser, value);
                case "merges" -> merges(parser, value);
                default -> modelSettings.put(name, tree(parser));
            }
        }
    }

    private void vocabulary(JsonParser parser, JsonToken token) {
        JsonNode type = modelSettings.get("type");
        if (type != null && !type.asString("").equals("BPE")) {
            throw new TokenizerException("model type " + type + " is not supported, only \"BPE\"");
        }
        expect(token, JsonToken.START_OBJECT, "'model.vocab'");
        vocabulary.clear();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String content = parser.currentName();
            expect(parser.nextToken(), JsonToken.VALUE_NUMBER_INT, "the id of the token '" + content + "'");
            vocabulary.put(content, checkedId(parser.getLongValue(), content));
        }
    }

    private void merges(JsonParser parser, JsonToken token) {
        expect(token, JsonToken.START_ARRAY, "'model.merges'");
        merges.clear();
        for (JsonToken next = parser.nextToken(); next != JsonToken.END_ARRAY; next = parser.nextToken()) {
            if (next == JsonToken.START_ARRAY) {
                pair(parser);
                continue;
            }
            expect(next, JsonToken.VALUE_STRING, "merge " + merges.size() / 2);
            String both = parser.getString();
            if (both.startsWith("#version")) {
                continue;
            }
            int space = both.indexOf(' ');
            if (space < 1 || space != both.lastIndexOf(' ') || space == both.length() - 1) {
                throw new TokenizerException(
                        "merge " + merges.size() / 2 + " is '" + both + "', expected two tokens and a space between");
            }
            merges.add(both.substring(0, space));
            merges.add(both.substring(space + 1));
        }
    }

    private void pair(JsonParser parser) {
        int rank = merges.size() / 2;
        for (int i = 0; i < 2; i++) {
            expect(parser.nextToken(), JsonToken.VALUE_STRING, "part " + i + " of merge " + rank);
            merges.add(parser.getString());
        }
        expect(parser.nextToken(), JsonToken.END_ARRAY, "the end of merge " + rank);
    }

    private void addedTokens(JsonParser parser, JsonToken token) {
        if (token == JsonToken.VALUE_NULL) {
            return;
        }
        expect(token, JsonToken.START_ARRAY, "'added_tokens'");
        for (JsonToken next = parser.nextToken(); next != JsonToken.END_ARRAY; next = parser.nextToken()) {
            String where = "added token " + addedTokens.size();
            expect(next, JsonToken.START_OBJECT, where);
            JsonNode node = tree(parser);
            JsonNode content = node.get("content");
            JsonNode id = node.get("id");
            if (content == null || !content.isString() || id == null || !id.isIntegralNumber()) {
                throw new TokenizerException(where + " lacks a 'content' (a string) or an 'id' (a whole number)");
            }
            String text = content.stringValue();
            if (!id.canConvertToLong()) {
                throw new TokenizerException(where + " has the id " + id + ", which is too large");
            }
            boolean special = flag(node, "special", false);
            addedTokens.add(new AddedToken(
                    checkedId(id.longValue(), text),
                    text,
                    flag(node, "single_word", false),
                    flag(node, "lstrip", false),
                    flag(node, "rstrip", false),
                    flag(node, "normalized", !special),
                    special));
        }
    }

    /** A boolean of an object; anything else under that name is an error. */
    static boolean flag(JsonNode node, String name, boolean absent) {
        JsonNode value = present(node.get(name));
        if (value == null) {
            return absent;
        }
        if (!value.isBoolean()) {
            throw new TokenizerException("'" + name + "' is " + brief(value) + ", expected true or false");
        }
        return value.booleanValue();
    }

    static String brief(JsonNode node) {
        String text = node.toString();
        return text.length() <= 120 ? text : text.substring(0, 120) + "...";
    }

    private static int checkedId(long id, String content) {
        if (id < 0 || id >= MAX_ID) {
            throw new TokenizerException("the token '" + content + "' has the id " + id + ", expected 0 to " + MAX_ID);
        }
        return (int) id;
    }

    private static JsonNode tree(JsonParser parser) {
        return MAPPER.readTree(parser);
    }

    private static void expect(@Nullable JsonToken got, JsonToken wanted, String what) {
        if (got != wanted) {
            throw new TokenizerException(
                    what + " is " + (got == null ? "missing: the file ends" : got.name()) + ", expected " + wanted);
        }
    }
}
