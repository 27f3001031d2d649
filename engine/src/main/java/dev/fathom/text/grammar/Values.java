package dev.fathom.text.grammar;

import dev.fathom.text.grammar.Shape.Kind;
import java.math.BigDecimal;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Values that a schema lists: whether they are equal, and whether they fit what else the schema says. */
final class Values {
    private Values() {}

    /** JSON Schema's equality: 1 and 1.0 are one number, members have no order. */
    static boolean equal(JsonNode a, JsonNode b) {
        if (a.isNumber() && b.isNumber()) {
            return Decimals.of(a).compareTo(Decimals.of(b)) == 0;
        }
        if (a.isArray() && b.isArray()) {
            if (a.size() != b.size()) {
                return false;
            }
            for (int i = 0; i < a.size(); i++) {
                if (!equal(a.get(i), b.get(i))) {
                    return false;
                }
            }
            return true;
        }
        if (a.isObject() && b.isObject()) {
            if (a.size() != b.size()) {
                return false;
            }
            for (Map.Entry<String, JsonNode> member : a.properties()) {
                JsonNode other = b.get(member.getKey());
                if (other == null || !equal(member.getValue(), other)) {
                    return false;
                }
            }
            return true;
        }
        return a.equals(b);
    }

    /** @throws GrammarException if that cannot be told of an array or object */
    static boolean fits(JsonNode value, Shape shape) {
        return switch (value.getNodeType()) {
            case NULL -> shape.allows(Kind.NULL);
            case BOOLEAN -> shape.allows(Kind.BOOLEAN);
            case NUMBER -> fits(Decimals.of(value), shape);
            case STRING -> shape.allows(Kind.STRING) && fits(value.stringValue(), shape);
            case ARRAY ->
                shape.allows(Kind.ARRAY)
                        && unless(
                                !shape.prefix.isEmpty()
                                        || shape.items != null
                                        || shape.minItems > 0
                                        || shape.maxItems != Expr.UNBOUNDED,
                                "an array");
            case OBJECT ->
                shape.allows(Kind.OBJECT)
                        && unless(
                                !shape.properties.isEmpty()
                                        || !shape.patterns.isEmpty()
                                        || shape.additional != null
                                        || !shape.required.isEmpty()
                                        || !shape.names.isEmpty()
                                        || shape.minProperties > 0
                                        || shape.maxProperties != Expr.UNBOUNDED,
                                "an object");
            default -> false;
        };
    }

    private static boolean unless(boolean constrained, String what) {
        if (constrained) {
            throw new GrammarException("enum or const with " + what
                    + " beside other keywords for it is not supported: leave the other keywords out.");
        }
        return true;
    }

    private static boolean fits(BigDecimal number, Shape shape) {
        boolean whole = number.stripTrailingZeros().scale() <= 0;
        if (!shape.allows(Kind.NUMBER) && !(whole && shape.allows(Kind.INTEGER))) {
            return false;
        }
        Decimals.Bound least = shape.least;
        Decimals.Bound most = shape.most;
        return (least == null || number.compareTo(least.limit()) >= (least.open() ? 1 : 0))
                && (most == null || number.compareTo(most.limit()) <= (most.open() ? -1 : 0))
                && shape.divisors.stream()
                        .allMatch(divisor -> number.remainder(divisor).signum() == 0);
    }

    private static boolean fits(String text, Shape shape) {
        int length = text.codePointCount(0, text.length());
        return length >= shape.minLength
                && length <= shape.maxLength
                && shape.texts.stream().allMatch(dfa -> dfa.matches(text));
    }
}
