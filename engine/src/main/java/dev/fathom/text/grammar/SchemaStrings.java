package dev.fathom.text.grammar;

import dev.fathom.text.grammar.Shape.Kind;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The strings that a schema's alternatives allow, as one automaton: what names of members must be. */
final class SchemaStrings {
    private SchemaStrings() {}

    static TextDfa of(List<Shape> shapes, Budget budget) {
        TextDfa all = TextDfa.texts(List.of(), budget);
        for (Shape shape : shapes) {
            if (shape.allows(Kind.STRING)) {
                TextDfa one = of(shape, budget);
                // By De Morgan: either of both.
                all = shapes.size() == 1
                        ? one
                        : all.not(budget).and(one.not(budget), budget).not(budget);
            }
        }
        return all;
    }

    /** The texts of one alternative's strings. */
    static TextDfa of(Shape shape, Budget budget) {
        List<JsonNode> values = shape.values;
        if (values != null) {
            return TextDfa.texts(
                    values.stream()
                            .filter(value -> value.isString() && Values.fits(value, shape))
                            .map(JsonNode::stringValue)
                            .toList(),
                    budget);
        }
        TextDfa dfa = TextDfa.lengths(shape.minLength, shape.maxLength, CodePoints.ALL, budget);
        for (TextDfa text : shape.texts) {
            dfa = text.and(dfa, budget);
        }
        return dfa;
    }
}
