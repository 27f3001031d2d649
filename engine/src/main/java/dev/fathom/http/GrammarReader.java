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

    /** The grammar of {@code json_schema}, {@code regex} or {@code ebnf} among sampling parameters; null for none. */
    static @Nullable GrammarSource sampling(JsonFields fields) {
        List<GrammarSource> given = new ArrayList<>();
        for (GrammarSource.Kind kind : GrammarSource.Kind.values()) {
            add(fields, new GrammarSource(kind, "").field(), kind, given);
        }
        fields.refuse("structural_tag");
        return onlyOne(given);
    }

    /** As {@link #sampling}, with {@code response_format} instead of {@code json_schema}. */
    static @Nullable GrammarSource openAi(JsonFields fields) {
        List<GrammarSource> given = new ArrayList<>();
        add(fields, "regex", GrammarSource.Kind.REGEX, given);
        add(fields, "ebnf", GrammarSource.Kind.EBNF, given);
        fields.refuse("json_schema", "structural_tag");
        GrammarSource format = responseFormat(fields);
        if (format != null) {
            given.add(format);
        }
        return onlyOne(given);
    }

    private static void add(JsonFields fields, String name, GrammarSource.Kind kind, List<GrammarSource> given) {
        String text = fields.text(name);
        if (text != null) {
            given.add(new GrammarSource(kind, text));
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
        JsonFields format = fields.object("response_format");
        if (format == null) {
            return null;
        }
        String type = format.text("type");
        return switch (type == null ? "" : type) {
            case "text" -> null;
            case "json_object" -> GrammarSource.JSON_OBJECT;
            case "json_schema" -> schema(format);
            case "structural_tag" ->
                throw RequestException.notSupported(
                        "response_format",
                        "response_format of the type structural_tag is not supported yet: use json_schema.");
            default ->
                throw RequestException.invalid(
                        "response_format.type",
                        "response_format.type must be text, json_object or json_schema, got " + format.node("type")
                                + ".");
        };
    }

    private static GrammarSource schema(JsonFields format) {
        JsonFields described = format.object("json_schema");
        if (described == null) {
            throw RequestException.invalid(
                    "response_format.json_schema", "Missing required parameter: 'response_format.json_schema'.");
        }
        described.text("name");
        described.text("description");
        described.flag("strict"); // the answer follows the schema in either case
        JsonNode schema = described.node("schema");
        if (schema == null) {
            throw RequestException.invalid(
                    "response_format.json_schema.schema",
                    "schema_ is required for json_schema response format request.");
        }
        described.end();
        format.end();
        return new GrammarSource(GrammarSource.Kind.JSON_SCHEMA, schema.toString());
    }
}
