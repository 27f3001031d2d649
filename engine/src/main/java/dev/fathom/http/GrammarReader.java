package dev.fathom.http;

import dev.fathom.api.RequestException;
import dev.fathom.text.grammar.GrammarSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What a request says about the form of its answer: SGLang's fields, and OpenAI's {@code response_format}. */
final class GrammarReader {
    private GrammarReader() {}

    /** The grammar among sampling parameters, of which each kind has a field; null for none. */
    static @Nullable GrammarSource sampling(JsonFields fields) {
        return onlyOne(given(fields));
    }

    /** As {@link #sampling}, with {@code response_format} beside them. */
    static @Nullable GrammarSource openAi(JsonFields fields) {
        List<GrammarSource> given = given(fields);
        GrammarSource format = responseFormat(fields);
        if (format != null) {
            given.add(format);
        }
        return onlyOne(given);
    }

    private static List<GrammarSource> given(JsonFields fields) {
        List<GrammarSource> given = new ArrayList<>();
        add(fields, "json_schema", GrammarSource.Kind.JSON_SCHEMA, given);
        add(fields, "regex", GrammarSource.Kind.REGEX, given);
        add(fields, "ebnf", GrammarSource.Kind.EBNF, given);
        structuralTag(fields, given);
        return given;
    }

    private static void add(JsonFields fields, String name, GrammarSource.Kind kind, List<GrammarSource> given) {
        String text = fields.text(name);
        if (text != null) {
            given.add(new GrammarSource(kind, text));
        }
    }

    /** SGLang takes the tag as JSON text; an object is one, too. */
    private static void structuralTag(JsonFields fields, List<GrammarSource> given) {
        JsonNode tag = fields.node("structural_tag");
        if (tag != null) {
            String text = tag.isString() ? tag.stringValue() : tag.toString();
            given.add(new GrammarSource(GrammarSource.Kind.STRUCTURAL_TAG, text));
        }
    }

    /** SGLang's sentence. */
    private static @Nullable GrammarSource onlyOne(List<GrammarSource> given) {
        if (given.size() > 1) {
            throw RequestException.invalid(given.get(1).field(), "Only one of regex, json_schema, or ebnf can be set.");
        }
        return given.isEmpty() ? null : given.getFirst();
    }

    private static @Nullable GrammarSource responseFormat(JsonFields fields) {
        JsonNode whole = fields.node("response_format");
        JsonFields format = fields.object("response_format");
        if (whole == null || format == null) {
            return null;
        }
        String type = format.text("type");
        return switch (type == null ? "" : type) {
            case "text" -> null;
            case "json_object" -> GrammarSource.JSON_OBJECT;
            case "json_schema" -> schema(format);
            case "structural_tag" -> new GrammarSource(GrammarSource.Kind.STRUCTURAL_TAG, whole.toString());
            default ->
                throw RequestException.invalid(
                        "response_format.type",
                        "response_format.type must be text, json_object, json_schema or structural_tag, got "
                                + format.node("type") + ".");
        };
    }

    /** The format of an answer where its fields are not one level deeper: OpenAI's responses, Anthropic's messages. */
    static @Nullable GrammarSource flat(JsonFields format) {
        String type = format.text("type");
        return switch (type == null ? "" : type) {
            case "text" -> {
                format.end();
                yield null;
            }
            case "json_object" -> {
                format.end();
                yield GrammarSource.JSON_OBJECT;
            }
            case "json_schema" -> described(format);
            default ->
                throw RequestException.invalid(
                        format.path("type"),
                        format.path("type") + " must be text, json_object or json_schema, got " + format.node("type")
                                + ".");
        };
    }

    private static GrammarSource schema(JsonFields format) {
        JsonFields described = format.object("json_schema");
        if (described == null) {
            throw RequestException.invalid(
                    "response_format.json_schema", "Missing required parameter: 'response_format.json_schema'.");
        }
        GrammarSource source = described(described);
        format.end();
        return source;
    }

    private static GrammarSource described(JsonFields described) {
        described.text("name");
        described.text("description");
        described.flag("strict"); // the answer follows the schema in either case
        JsonNode schema = described.node("schema");
        if (schema == null) {
            throw RequestException.invalid(
                    described.path("schema"), "schema_ is required for json_schema response format request.");
        }
        described.end();
        return new GrammarSource(GrammarSource.Kind.JSON_SCHEMA, schema.toString());
    }
}
