package dev.fathom.text.grammar;

import dev.fathom.text.grammar.Shape.Kind;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/**
 * Arguments of a function as DeepSeek-V3.2 writes them: each in a tag that has its name and says whether the value is
 * plain text (a string) or JSON (anything else).
 */
final class TaggedArguments {
    private static final String BEGIN = "<｜DSML｜parameter name=\"";
    private static final String TEXT = "\" string=\"true\">";
    private static final String JSON = "\" string=\"false\">";
    private static final String END = "</｜DSML｜parameter>";
    private static final CodePoints NAME_START = UnicodeSets.WORD.minus(UnicodeSets.DIGITS);

    private final Rules rules;
    private final Json json;
    private final Marks marks;
    private final SchemaReader reader;
    private final Function<Shape, Expr> values;
    /** Every text in which a value's end is not found. */
    private final TextDfa anyText;

    /** @param values how the values of an alternative are written as JSON */
    TaggedArguments(Rules rules, Json json, Marks marks, SchemaReader reader, Function<Shape, Expr> values) {
        this.rules = rules;
        this.json = json;
        this.marks = marks;
        this.reader = reader;
        this.values = values;
        this.anyText = FreeText.until(List.of(marks.characters(END)), CodePoints.ALL, rules.budget())
                .text();
    }

    /** @param closed see {@link SchemaGrammar} */
    Expr expr(Schema schema, boolean closed) {
        List<Expr> options = new ArrayList<>();
        for (Shape shape : reader.read(schema)) {
            if (shape.allows(Kind.OBJECT)) {
                options.add(members(shape, closed));
            }
        }
        return new Expr.Choice(options);
    }

    private Expr members(Shape shape, boolean closed) {
        if (!shape.patterns.isEmpty() || !shape.names.isEmpty() || shape.values != null) {
            throw new GrammarException("patternProperties, propertyNames, enum and const of a function's arguments"
                    + " themselves are not supported in the form in which this model writes arguments.");
        }
        Set<String> named = new LinkedHashSet<>(shape.properties.keySet());
        named.addAll(shape.required);
        List<Expr.Member> members = new ArrayList<>();
        for (String name : named) {
            Schema schema =
                    shape.properties.getOrDefault(name, shape.additional == null ? Schema.ANY : shape.additional);
            Expr member = tag(marks.literal(name), schema);
            members.add(new Expr.Member(member, shape.required.contains(name)));
        }
        boolean open = shape.additional != null || !closed || shape.properties.isEmpty();
        Expr extra = open ? tag(extraName(named), shape.additional == null ? Schema.ANY : shape.additional) : null;
        return Expr.sequence(
                json.space,
                new Expr.Members(members, extra, json.space, shape.minProperties, shape.maxProperties),
                json.space);
    }

    private Expr extraName(Set<String> named) {
        TextDfa.Builder words = new TextDfa.Builder(rules.budget());
        int start = words.state(false);
        int more = words.state(true);
        words.move(start, NAME_START, more);
        words.move(more, UnicodeSets.WORD, more);
        TextDfa others = TextDfa.texts(named, rules.budget()).not(rules.budget());
        return new Expr.Text(words.build().and(others, rules.budget()), Expr.Form.RAW);
    }

    private Expr tag(Expr name, Schema schema) {
        List<Expr> options = new ArrayList<>();
        Shape noText = new Shape();
        noText.kinds.remove(Kind.STRING);
        for (Shape shape : reader.read(schema)) {
            if (shape.allows(Kind.STRING)) {
                options.add(Expr.sequence(Expr.literal(TEXT), new Expr.Text(text(shape), Expr.Form.RAW)));
            }
            Shape other = shape.and(noText);
            if (!other.kinds.isEmpty() && !onlyTexts(other)) {
                options.add(Expr.sequence(Expr.literal(JSON), json.space, values.apply(other), json.space));
            }
        }
        return rules.add(
                "argument", Expr.sequence(marks.literal(BEGIN), name, new Expr.Choice(options), marks.literal(END)));
    }

    private static boolean onlyTexts(Shape shape) {
        List<JsonNode> listed = shape.values;
        return listed != null && listed.stream().allMatch(JsonNode::isString);
    }

    /** What a string may be, with no end of its tag in it. */
    private TextDfa text(Shape shape) {
        boolean any = shape.values == null
                && shape.texts.isEmpty()
                && shape.minLength == 0
                && shape.maxLength == Expr.UNBOUNDED;
        return any ? anyText : SchemaStrings.of(shape, rules.budget()).and(anyText, rules.budget());
    }
}
