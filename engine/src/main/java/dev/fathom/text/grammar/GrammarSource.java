package dev.fathom.text.grammar;

import java.util.Locale;

/**
 * A grammar as a request gives it.
 *
 * @param text  the JSON of the schema or structural tag, the EBNF rules or the regular expression
 */
public record GrammarSource(Kind kind, String text) {
    /** Any JSON object. */
    public static final GrammarSource JSON_OBJECT = new GrammarSource(Kind.JSON_SCHEMA, "{\"type\":\"object\"}");

    public enum Kind {
        JSON_SCHEMA,
        EBNF,
        REGEX,
        STRUCTURAL_TAG
    }

    /** The name of SGLang's field for it. */
    public String field() {
        return kind.name().toLowerCase(Locale.ROOT);
    }
}
