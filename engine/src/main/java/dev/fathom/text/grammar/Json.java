package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON's own grammar, as pieces for schemas. Rules that pieces share are made once. */
final class Json {
    static final Expr ANY_CHARACTER = new Expr.Chars(CodePoints.ALL, Expr.Form.JSON);
    /** A line end and eight steps of indentation; without a bound a model that likes blanks never stops. */
    private static final int MOST_SPACE = 32;

    private static final Expr QUOTE = Expr.literal("\"");
    private static final Expr DIGIT = Expr.raw(UnicodeSets.DIGITS);
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    /** What may stand between two tokens. */
    final Expr space;

    final Expr string;
    final Expr number;
    final Expr integer;
    final Expr value;
    final Expr array;
    final Expr object;

    /** @param anySpace whether up to {@value #MOST_SPACE} blanks, tabs and line ends may stand between tokens, or none */
    Json(Rules rules, boolean anySpace) {
        this(rules, anySpace ? MOST_SPACE : 0);
    }

    /** @param mostSpace so many blanks, tabs and line ends may stand between tokens */
    Json(Rules rules, int mostSpace) {
        Expr blank = Expr.raw(CodePoints.of(" \t\n\r"));
        space = mostSpace > 0 ? rules.add("space", new Expr.Repeat(blank, 0, mostSpace)) : Expr.EMPTY;
        string = rules.add("string", Expr.sequence(QUOTE, Expr.star(ANY_CHARACTER), QUOTE));
        Expr whole =
                Expr.choice(Expr.literal("0"), Expr.sequence(Expr.raw(CodePoints.range('1', '9')), Expr.star(DIGIT)));
        Expr digits = Expr.sequence(DIGIT, Expr.star(DIGIT));
        Expr fraction = Expr.optional(Expr.sequence(Expr.literal("."), digits));
        Expr exponent = Expr.optional(
                Expr.sequence(Expr.raw(CodePoints.of("eE")), Expr.optional(Expr.raw(CodePoints.of("+-"))), digits));
        Expr minus = Expr.optional(Expr.literal("-"));
        number = rules.add("number", Expr.sequence(minus, whole, fraction, exponent));
        integer = rules.add(
                "integer",
                Expr.choice(
                        Expr.literal("0"),
                        Expr.sequence(minus, Expr.raw(CodePoints.range('1', '9')), Expr.star(DIGIT))));
        int any = rules.declare("value");
        value = new Expr.Call(any);
        array = rules.add("array", array(Expr.sequence(value, Expr.star(Expr.sequence(comma(), value)))));
        Expr member = Expr.sequence(string, colon(), value);
        object = rules.add("object", object(Expr.sequence(member, Expr.star(Expr.sequence(comma(), member)))));
        rules.define(
                any,
                Expr.choice(
                        object,
                        array,
                        string,
                        number,
                        Expr.literal("true"),
                        Expr.literal("false"),
                        Expr.literal("null")));
    }

    Expr comma() {
        return Expr.sequence(space, Expr.literal(","), space);
    }

    Expr colon() {
        return Expr.sequence(space, Expr.literal(":"), space);
    }

    /** An array that is empty or has these elements. */
    private Expr array(Expr elements) {
        return Expr.sequence(
                Expr.literal("["),
                space,
                Expr.choice(Expr.literal("]"), Expr.sequence(elements, space, Expr.literal("]"))));
    }

    private Expr object(Expr members) {
        return Expr.sequence(
                Expr.literal("{"),
                space,
                Expr.choice(Expr.literal("}"), Expr.sequence(members, space, Expr.literal("}"))));
    }

    /** A string whose text the automaton accepts. */
    static Expr string(TextDfa text) {
        return Expr.sequence(QUOTE, new Expr.Text(text, Expr.Form.JSON), QUOTE);
    }

    /** A string of {@code min} to {@code max} characters. */
    static Expr string(int min, int max) {
        return Expr.sequence(QUOTE, new Expr.Repeat(ANY_CHARACTER, min, max), QUOTE);
    }

    /** The text as a JSON string, in its shortest form. */
    static String quoted(String text) {
        return MAPPER.writeValueAsString(text);
    }

    /** Exactly this value, members in this order, strings and numbers in their shortest form. */
    Expr exactly(JsonNode json) {
        if (json.isObject()) {
            List<Expr> parts = new ArrayList<>();
            parts.add(Expr.literal("{"));
            parts.add(space);
            for (Map.Entry<String, JsonNode> member : json.properties()) {
                if (parts.size() > 2) {
                    parts.add(comma());
                }
                parts.add(Expr.literal(quoted(member.getKey())));
                parts.add(colon());
                parts.add(exactly(member.getValue()));
            }
            return closed(parts, "}");
        }
        if (json.isArray()) {
            List<Expr> parts = new ArrayList<>();
            parts.add(Expr.literal("["));
            parts.add(space);
            for (JsonNode element : json) {
                if (parts.size() > 2) {
                    parts.add(comma());
                }
                parts.add(exactly(element));
            }
            return closed(parts, "]");
        }
        if (json.isNumber()) {
            return Expr.literal(Decimals.shortest(Decimals.of(json)));
        }
        return Expr.literal(json.toString());
    }

    private Expr closed(List<Expr> parts, String end) {
        if (parts.size() > 2) {
            parts.add(space);
        }
        parts.add(Expr.literal(end));
        return new Expr.Sequence(parts);
    }
}
