package dev.fathom.text.grammar;

import dev.fathom.text.grammar.Schema.Located;
import dev.fathom.text.grammar.Shape.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * JSON Schema to rules. Members are written in the schema's order, required ones without a schema behind them, extra ones
 * last; names and listed values in their shortest form; numbers with bounds without exponents.
 */
final class SchemaGrammar {
    private final Rules rules;
    private final Json json;
    private final SchemaReader reader;
    private final Map<List<String>, Integer> known = new HashMap<>();
    private final boolean closed;

    /**
     * @param closed  objects that name members and say nothing about others have no others, and arrays with a prefix
     *                no further elements (as in SGLang); else everything is open that the schema leaves open
     */
    private SchemaGrammar(Rules rules, Json json, JsonNode root, boolean closed) {
        this.rules = rules;
        this.closed = closed;
        this.json = json;
        this.reader = new SchemaReader(new SchemaReferences(root), closed, rules.budget());
    }

    /** The rule for a whole document of this schema. @throws GrammarException naming what is not supported */
    static int root(Rules rules, Json json, JsonNode schema, boolean closed) {
        SchemaGrammar grammar = new SchemaGrammar(rules, json, schema, closed);
        Expr root = grammar.expr(Schema.of(new Located(schema, "#")));
        int rule = rules.declare("root");
        rules.define(rule, root);
        return rule;
    }

    /**
     * The arguments of a function, each in tags of its own.
     *
     * @throws GrammarException naming what is not supported
     */
    static Expr tagged(Rules rules, Json json, JsonNode schema, boolean closed, Marks marks) {
        SchemaGrammar grammar = new SchemaGrammar(rules, json, schema, closed);
        TaggedArguments arguments = new TaggedArguments(rules, json, marks, grammar.reader, grammar::expr);
        return arguments.expr(Schema.of(new Located(schema, "#")), closed);
    }

    private Expr expr(Schema schema) {
        if (schema.all().isEmpty()) {
            return json.value;
        }
        List<String> places = schema.places();
        Integer rule = known.get(places);
        if (rule == null) {
            rule = rules.declare(String.join(" and ", places));
            known.put(places, rule);
            List<Expr> options = new ArrayList<>();
            for (Shape shape : reader.read(schema)) {
                options.add(expr(shape));
            }
            rules.define(rule, new Expr.Choice(options));
        }
        return new Expr.Call(rule);
    }

    private Expr expr(Shape shape) {
        List<Expr> options = new ArrayList<>();
        if (shape.values != null) {
            for (JsonNode value : shape.values) {
                if (Values.fits(value, shape)) {
                    options.add(json.exactly(value));
                }
            }
            return new Expr.Choice(options);
        }
        for (Kind kind : shape.kinds) {
            options.add(
                    switch (kind) {
                        case NULL -> Expr.literal("null");
                        case BOOLEAN -> Expr.choice(Expr.literal("true"), Expr.literal("false"));
                        case INTEGER -> number(shape, true);
                        case NUMBER -> number(shape, false);
                        case STRING -> string(shape);
                        case ARRAY -> array(shape);
                        case OBJECT -> object(shape);
                    });
        }
        return new Expr.Choice(options);
    }

    private Expr number(Shape shape, boolean whole) {
        if (shape.least == null && shape.most == null && shape.divisors.isEmpty()) {
            return whole ? json.integer : json.number;
        }
        TextDfa dfa = Decimals.numbers(shape.least, shape.most, shape.divisors, whole, rules.budget());
        return new Expr.Text(dfa, Expr.Form.RAW);
    }

    private Expr string(Shape shape) {
        if (!shape.texts.isEmpty()) {
            return Json.string(SchemaStrings.of(shape, rules.budget()));
        }
        if (shape.minLength == 0 && shape.maxLength == Expr.UNBOUNDED) {
            return json.string;
        }
        return Json.string(shape.minLength, shape.maxLength);
    }

    private Expr array(Shape shape) {
        boolean open = shape.items != null || !closed || shape.prefix.isEmpty();
        int most = open ? shape.maxItems : Math.min(shape.maxItems, shape.prefix.size());
        Expr item = shape.items == null ? json.value : expr(shape.items);
        Expr end = Expr.sequence(json.space, Expr.literal("]"));
        if (shape.minItems == 0 && shape.maxItems == Expr.UNBOUNDED && shape.prefix.isEmpty() && shape.items == null) {
            return json.array;
        }
        int prefix = Math.min(shape.prefix.size(), most);
        Expr rest = new Expr.Sequence(List.of(
                new Expr.Repeat(
                        Expr.sequence(json.comma(), item),
                        Math.max(shape.minItems - Math.max(prefix, 1), 0),
                        most == Expr.UNBOUNDED ? most : Math.max(most - Math.max(prefix, 1), 0)),
                end));
        // From the last element of the prefix back to the first: each may be the last one if the rest is optional.
        for (int i = prefix - 1; i > 0; i--) {
            Expr more = Expr.sequence(json.comma(), expr(shape.prefix.get(i)), rest);
            rest = shape.minItems <= i ? Expr.choice(end, more) : more;
        }
        List<Expr> options = new ArrayList<>();
        if (shape.minItems == 0) {
            options.add(Expr.literal("]"));
        }
        if (most > 0) {
            options.add(Expr.sequence(prefix > 0 ? expr(shape.prefix.getFirst()) : item, rest));
        }
        return Expr.sequence(Expr.literal("["), json.space, new Expr.Choice(options));
    }

    private Expr object(Shape shape) {
        boolean plain = shape.properties.isEmpty()
                && shape.patterns.isEmpty()
                && shape.names.isEmpty()
                && shape.required.isEmpty()
                && shape.minProperties == 0
                && shape.maxProperties == Expr.UNBOUNDED;
        if (plain && shape.additional == null) {
            return json.object;
        }
        SchemaMembers members = new SchemaMembers(shape, json, this::expr, closed, rules.budget());
        return Expr.sequence(
                Expr.literal("{"), json.space, rules.add("members", members.expr()), json.space, Expr.literal("}"));
    }
}
