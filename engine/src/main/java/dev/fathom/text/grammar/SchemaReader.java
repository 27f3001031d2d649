package dev.fathom.text.grammar;

import dev.fathom.text.grammar.Decimals.Bound;
import dev.fathom.text.grammar.Schema.Located;
import dev.fathom.text.grammar.Shape.Kind;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Reads schemas into alternatives. What is not supported is refused by its keyword and place. */
final class SchemaReader {
    private static final int MOST_ALTERNATIVES = 500;
    private static final int MOST_READS = 50_000;

    /** Keywords of JSON Schema that restrict values in ways no grammar here can, whatever their value. */
    private static final List<String> UNSUPPORTED = List.of(
            "not",
            "if",
            "then",
            "else",
            "contains",
            "minContains",
            "maxContains",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
            "unevaluatedItems",
            "unevaluatedProperties",
            "$dynamicRef",
            "$recursiveRef",
            "disallow",
            "divisibleBy",
            "extends");

    private static final Map<String, Kind> TYPES = Map.of(
            "null", Kind.NULL,
            "boolean", Kind.BOOLEAN,
            "integer", Kind.INTEGER,
            "number", Kind.NUMBER,
            "string", Kind.STRING,
            "array", Kind.ARRAY,
            "object", Kind.OBJECT);

    private static final Map<Kind, List<String>> KEYWORDS_OF = Map.of(
            Kind.OBJECT,
            List.of("properties", "additionalProperties", "patternProperties", "required", "propertyNames"),
            Kind.ARRAY,
            List.of("items", "prefixItems", "minItems", "maxItems"));

    private final SchemaReferences references;
    private final boolean closed;
    private final Budget budget;
    private final Set<String> open = new HashSet<>();
    private final Map<String, TextDfa> patterns = new HashMap<>();
    private int reads;

    /** @param closed see {@link SchemaGrammar} */
    SchemaReader(SchemaReferences references, boolean closed, Budget budget) {
        this.references = references;
        this.closed = closed;
        this.budget = budget;
    }

    /** The alternatives of a schema; none if nothing satisfies it. */
    List<Shape> read(Schema schema) {
        List<Shape> shapes = List.of(new Shape());
        for (Located located : schema.all()) {
            shapes = both(shapes, read(located));
        }
        return shapes;
    }

    private List<Shape> read(Located schema) {
        if (++reads > MOST_READS) {
            throw new GrammarException(
                    "The schema is too complex: its references and alternatives multiply. Simplify it.");
        }
        JsonNode node = schema.node();
        if (node.isBoolean()) {
            return node.booleanValue() ? List.of(new Shape()) : List.of();
        }
        if (!node.isObject()) {
            throw new GrammarException(schema.where() + " must be a schema, an object or a boolean, got " + node + ".");
        }
        refuseUnsupported(schema);
        List<Shape> shapes = possible(List.of(own(schema)));
        if (node.has("$ref")) {
            shapes = both(shapes, referred(schema));
        }
        if (node.has("allOf")) {
            for (Located part : parts(schema, "allOf")) {
                shapes = both(shapes, read(part));
            }
        }
        if (node.has("anyOf")) {
            List<Shape> union = new ArrayList<>();
            for (Located part : parts(schema, "anyOf")) {
                union.addAll(read(part));
            }
            shapes = both(shapes, union);
        }
        if (node.has("oneOf")) {
            shapes = both(shapes, exclusive(schema));
        }
        return shapes;
    }

    private List<Shape> referred(Located schema) {
        Located target = references.resolve(schema);
        if (!open.add(target.where())) {
            throw new GrammarException(
                    schema.where() + "/$ref refers back to itself without a value in between: " + target.where() + ".");
        }
        List<Shape> shapes = read(target);
        open.remove(target.where());
        return shapes;
    }

    private static List<Located> parts(Located schema, String keyword) {
        JsonNode list = schema.node().get(keyword);
        if (!list.isArray() || list.isEmpty()) {
            throw Keywords.wrong(schema, keyword, "an array of schemas", list);
        }
        List<Located> parts = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            parts.add(schema.at(keyword, Integer.toString(i)));
        }
        return parts;
    }

    private List<Shape> both(List<Shape> left, List<Shape> right) {
        if ((long) left.size() * right.size() > MOST_ALTERNATIVES) {
            throw new GrammarException(
                    "The schema has too many combinations of alternatives (allOf over anyOf or oneOf):" + " more than "
                            + MOST_ALTERNATIVES + ".");
        }
        List<Shape> both = new ArrayList<>();
        for (Shape a : left) {
            for (Shape b : right) {
                budget.spend(500);
                both.add(a.and(b));
            }
        }
        return possible(both);
    }

    private static List<Shape> possible(List<Shape> shapes) {
        return shapes.stream().filter(shape -> !shape.isImpossible()).toList();
    }

    /** oneOf is anyOf where no value satisfies two of the parts. */
    private List<Shape> exclusive(Located schema) {
        List<Shape> union = new ArrayList<>();
        for (Located part : parts(schema, "oneOf")) {
            List<Shape> shapes = read(part);
            for (Shape known : union) {
                for (Shape shape : shapes) {
                    budget.spend(500);
                    if (!isContradiction(known.and(shape))) {
                        throw new GrammarException(schema.where()
                                + "/oneOf is not supported: its alternatives may overlap"
                                + " (" + part.where() + " with one before it). Use anyOf, or tell them apart by type or"
                                + " by a required property with different const or enum values.");
                    }
                }
            }
            union.addAll(shapes);
        }
        return union;
    }

    private boolean isContradiction(Shape shape) {
        if (shape.isImpossible()) {
            return true;
        }
        List<JsonNode> values = shape.values;
        if (values != null) {
            return values.stream().noneMatch(value -> Values.fits(value, shape));
        }
        if (!shape.kinds.equals(EnumSet.of(Kind.OBJECT))) {
            return false;
        }
        return shape.required.stream()
                .map(shape.properties::get)
                .anyMatch(property -> property != null
                        && property.all().stream()
                                .noneMatch(located -> located.node().has("$ref"))
                        && read(property).stream()
                                .allMatch(alternative -> alternative.values != null
                                        && alternative.values.stream()
                                                .noneMatch(value -> Values.fits(value, alternative))));
    }

    private static void refuseUnsupported(Located schema) {
        for (String keyword : UNSUPPORTED) {
            if (schema.node().has(keyword)) {
                throw new GrammarException(schema.where() + "/" + keyword + " is not supported: " + keyword
                        + " cannot be enforced while decoding. Leave it out of the schema.");
            }
        }
        JsonNode unique = schema.node().get("uniqueItems");
        if (unique != null && !(unique.isBoolean() && !unique.booleanValue())) {
            throw new GrammarException(schema.where() + "/uniqueItems is not supported: uniqueItems cannot be enforced"
                    + " while decoding. Leave it out of the schema.");
        }
        JsonNode nullable = schema.node().get("nullable");
        if (nullable != null && nullable.isBoolean() && nullable.booleanValue()) {
            throw new GrammarException(schema.where() + "/nullable is not supported: list \"null\" among the types.");
        }
    }

    /** What the schema's own keywords say, without those that combine schemas. */
    private Shape own(Located schema) {
        Shape shape = new Shape();
        JsonNode node = schema.node();
        shape.kinds = kinds(schema);
        if (node.has("const")) {
            shape.values = List.of(node.get("const"));
        }
        if (node.has("enum")) {
            JsonNode list = node.get("enum");
            if (!list.isArray() || list.isEmpty()) {
                throw Keywords.wrong(schema, "enum", "an array of values", list);
            }
            Shape listed = new Shape();
            listed.values = List.copyOf(list.values());
            shape = shape.and(listed);
        }
        numbers(schema, shape);
        strings(schema, shape);
        arrays(schema, shape);
        objects(schema, shape);
        return shape;
    }

    private EnumSet<Kind> kinds(Located schema) {
        JsonNode type = schema.node().get("type");
        if (type == null) {
            return closed ? guessed(schema.node()) : new Shape().kinds;
        }
        EnumSet<Kind> kinds = EnumSet.noneOf(Kind.class);
        for (JsonNode name : type.isArray() ? List.copyOf(type.values()) : List.of(type)) {
            Kind kind = name.isString() ? TYPES.get(name.stringValue()) : null;
            if (kind == null) {
                throw Keywords.wrong(schema, "type", "a type of JSON or an array of them", type);
            }
            kinds.add(kind);
        }
        if (kinds.contains(Kind.NUMBER)) {
            kinds.remove(Kind.INTEGER);
        }
        return kinds;
    }

    /** Schemas without a type nearly always mean the one that their keywords are for. */
    private static EnumSet<Kind> guessed(JsonNode node) {
        EnumSet<Kind> kinds = EnumSet.noneOf(Kind.class);
        KEYWORDS_OF.forEach((kind, keywords) -> {
            if (keywords.stream().anyMatch(node::has)) {
                kinds.add(kind);
            }
        });
        return kinds.size() == 1 ? kinds : new Shape().kinds;
    }

    private static void numbers(Located schema, Shape shape) {
        BigDecimal minimum = Keywords.number(schema, "minimum");
        BigDecimal above = Keywords.number(schema, "exclusiveMinimum");
        BigDecimal maximum = Keywords.number(schema, "maximum");
        BigDecimal below = Keywords.number(schema, "exclusiveMaximum");
        Shape other = new Shape();
        shape.least = minimum == null ? null : new Bound(minimum, false);
        shape.most = maximum == null ? null : new Bound(maximum, false);
        other.least = above == null ? null : new Bound(above, true);
        other.most = below == null ? null : new Bound(below, true);
        Shape both = shape.and(other);
        shape.least = both.least;
        shape.most = both.most;
        BigDecimal divisor = Keywords.number(schema, "multipleOf");
        if (divisor != null) {
            if (divisor.signum() <= 0) {
                throw Keywords.wrong(
                        schema, "multipleOf", "a positive number", schema.node().get("multipleOf"));
            }
            shape.divisors.add(divisor);
        }
    }

    private void strings(Located schema, Shape shape) {
        shape.minLength = Keywords.count(schema, "minLength", 0);
        shape.maxLength = Keywords.count(schema, "maxLength", Expr.UNBOUNDED);
        String pattern = Keywords.text(schema, "pattern");
        if (pattern != null) {
            shape.texts.add(pattern(pattern));
        }
        String format = Keywords.text(schema, "format");
        if (format != null && shape.allows(Kind.STRING)) {
            TextDfa dfa = Formats.of(format, budget);
            if (dfa != null) {
                shape.texts.add(dfa);
            }
        }
    }

    private TextDfa pattern(String pattern) {
        TextDfa known = patterns.get(pattern);
        if (known == null) {
            known = PatternDfa.somewhere(pattern, budget);
            patterns.put(pattern, known);
        }
        return known;
    }

    private static void arrays(Located schema, Shape shape) {
        shape.minItems = Keywords.count(schema, "minItems", 0);
        shape.maxItems = Keywords.count(schema, "maxItems", Expr.UNBOUNDED);
        JsonNode items = schema.node().get("items");
        boolean tuple = items != null && items.isArray(); // until draft 2019-09
        String prefix = tuple ? "items" : "prefixItems";
        String rest = tuple ? "additionalItems" : "items";
        JsonNode list = schema.node().get(prefix);
        if (list != null) {
            if (!list.isArray()) {
                throw Keywords.wrong(schema, prefix, "an array of schemas", list);
            }
            for (int i = 0; i < list.size(); i++) {
                shape.prefix.add(Schema.of(schema.at(prefix, Integer.toString(i))));
            }
        }
        if (schema.node().has(rest)) {
            shape.items = Schema.of(schema.at(rest));
        }
    }

    private void objects(Located schema, Shape shape) {
        shape.minProperties = Keywords.count(schema, "minProperties", 0);
        shape.maxProperties = Keywords.count(schema, "maxProperties", Expr.UNBOUNDED);
        for (String name : names(schema, "properties")) {
            shape.properties.put(name, Schema.of(schema.at("properties", name)));
        }
        for (String name : names(schema, "patternProperties")) {
            shape.patterns.add(new Shape.Keyed(pattern(name), Schema.of(schema.at("patternProperties", name))));
        }
        if (schema.node().has("additionalProperties")) {
            shape.additional = Schema.of(schema.at("additionalProperties"));
        }
        JsonNode required = schema.node().get("required");
        if (required != null) {
            if (!required.isArray() || required.values().stream().anyMatch(name -> !name.isString())) {
                throw Keywords.wrong(schema, "required", "an array of names", required);
            }
            required.values().forEach(name -> shape.required.add(name.stringValue()));
        }
        if (schema.node().has("propertyNames")) {
            shape.names.add(SchemaStrings.of(read(schema.at("propertyNames")), budget));
        }
    }

    private static List<String> names(Located schema, String keyword) {
        JsonNode node = schema.node().get(keyword);
        if (node == null) {
            return List.of();
        }
        if (!node.isObject()) {
            throw Keywords.wrong(schema, keyword, "an object of schemas", node);
        }
        return List.copyOf(node.propertyNames());
    }
}
