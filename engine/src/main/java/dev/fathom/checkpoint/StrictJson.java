package dev.fathom.checkpoint;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON of a checkpoint, where a key given twice and text after the end are errors. Large files are streamed, so that a
 * hostile one costs no more memory than what is kept of it.
 */
final class StrictJson {
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private static final String REMEDY = "The file is damaged; download it again.";

    private static final JsonMapper MAPPER = JsonMapper.builder(FACTORY).build();

    private StrictJson() {}

    /** The whole document as a tree; {@code json} is small. */
    static JsonNode tree(byte[] json, String where) {
        return stream(json, where, parser -> {
            JsonNode node = MAPPER.readTree(parser);
            return node == null ? MAPPER.missingNode() : node;
        });
    }

    /** Reads one document with {@code reader}, which leaves the parser on the document's last token. */
    static <T> T stream(byte[] json, String where, Function<JsonParser, T> reader) {
        try (JsonParser parser = MAPPER.createParser(json)) {
            T result = reader.apply(parser);
            if (parser.nextToken() != null) {
                throw new CheckpointException(where + ": text after the end of the JSON" + at(parser) + ". " + REMEDY);
            }
            return result;
        } catch (JacksonException e) {
            TokenStreamLocation place = e.getLocation();
            String position = place == null ? "" : " at line " + place.getLineNr() + ", column " + place.getColumnNr();
            throw new CheckpointException(
                    where + ": not valid JSON" + position + ": " + e.getOriginalMessage() + ". " + REMEDY, e);
        }
    }

    static void expect(JsonParser parser, JsonToken wanted, @Nullable JsonToken got, String what, String where) {
        if (got != wanted) {
            throw wrong(parser, what, where);
        }
    }

    /** Says that {@code what} was wanted at the parser's place. */
    static CheckpointException wrong(JsonParser parser, String what, String where) {
        JsonToken token = parser.currentToken();
        String found = token == null ? "the end" : token.toString();
        return new CheckpointException(where + ": expected " + what + at(parser) + ", found " + found + ". " + REMEDY);
    }

    private static String at(JsonParser parser) {
        TokenStreamLocation place = parser.currentTokenLocation();
        return " at line " + place.getLineNr() + ", column " + place.getColumnNr();
    }
}
