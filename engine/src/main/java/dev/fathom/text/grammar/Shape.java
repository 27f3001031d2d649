package dev.fathom.text.grammar;

import dev.fathom.text.grammar.Decimals.Bound;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** One alternative of a schema: everything that holds at once, sorted by the kind of value that it is about. */
final class Shape {
    enum Kind {
        NULL,
        BOOLEAN,
        /** Whole numbers; every one is a NUMBER as well. */
        INTEGER,
        NUMBER,
        STRING,
        ARRAY,
        OBJECT
    }

    EnumSet<Kind> kinds = EnumSet.complementOf(EnumSet.of(Kind.INTEGER));
    /** The only values there are, or null. */
    @Nullable
    List<JsonNode> values;

    @Nullable
    Bound least;

    @Nullable
    Bound most;

    List<BigDecimal> divisors = new ArrayList<>();

    int minLength;
    int maxLength = Expr.UNBOUNDED;
    /** All of them match. */
    List<TextDfa> texts = new ArrayList<>();

    List<Schema> prefix = new ArrayList<>();
    /** For elements behind the prefix; null if nothing is said. */
    @Nullable
    Schema items;

    int minItems;
    int maxItems = Expr.UNBOUNDED;

    Map<String, Schema> properties = new LinkedHashMap<>();
    List<Keyed> patterns = new ArrayList<>();
    /** For members that neither a name nor a pattern is for; null if nothing is said. */
    @Nullable
    Schema additional;

    Set<String> required = new LinkedHashSet<>();
    List<TextDfa> names = new ArrayList<>();
    int minProperties;
    int maxProperties = Expr.UNBOUNDED;

    /** The schema of members whose names match. */
    record Keyed(TextDfa names, Schema schema) {}

    /** What satisfies both. */
    Shape and(Shape other) {
        Shape both = new Shape();
        both.kinds = kindsAnd(other);
        both.values = valuesAnd(other);
        both.least = tighter(least, other.least, 1);
        both.most = tighter(most, other.most, -1);
        both.divisors = joined(divisors, other.divisors);
        both.minLength = Math.max(minLength, other.minLength);
        both.maxLength = Math.min(maxLength, other.maxLength);
        both.texts = joined(texts, other.texts);
        both.minItems = Math.max(minItems, other.minItems);
        both.maxItems = Math.min(maxItems, other.maxItems);
        arraysAnd(other, both);
        both.required.addAll(required);
        both.required.addAll(other.required);
        both.names = joined(names, other.names);
        both.minProperties = Math.max(minProperties, other.minProperties);
        both.maxProperties = Math.min(maxProperties, other.maxProperties);
        objectsAnd(other, both);
        return both;
    }

    private EnumSet<Kind> kindsAnd(Shape other) {
        EnumSet<Kind> both = EnumSet.copyOf(kinds);
        both.retainAll(other.kinds);
        boolean whole = kinds.contains(Kind.INTEGER) && other.kinds.contains(Kind.NUMBER);
        boolean otherWhole = other.kinds.contains(Kind.INTEGER) && kinds.contains(Kind.NUMBER);
        if (whole || otherWhole) {
            both.add(Kind.INTEGER);
        }
        return both;
    }

    private @Nullable List<JsonNode> valuesAnd(Shape other) {
        if (values == null || other.values == null) {
            return values == null ? other.values : values;
        }
        List<JsonNode> wanted = other.values;
        return values.stream()
                .filter(value -> wanted.stream().anyMatch(candidate -> Values.equal(value, candidate)))
                .toList();
    }

    /** @param sign 1 for lower bounds, -1 for upper ones */
    private static @Nullable Bound tighter(@Nullable Bound a, @Nullable Bound b, int sign) {
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        int order = Integer.signum(a.limit().compareTo(b.limit())) * sign;
        return order > 0 || (order == 0 && a.open()) ? a : b;
    }

    private static <T> List<T> joined(List<T> a, List<T> b) {
        List<T> all = new ArrayList<>(a);
        b.stream().filter(element -> !all.contains(element)).forEach(all::add);
        return all;
    }

    private void arraysAnd(Shape other, Shape both) {
        int longest = Math.max(prefix.size(), other.prefix.size());
        for (int i = 0; i < longest; i++) {
            both.prefix.add(element(i).and(other.element(i)));
        }
        both.items = bothOf(items, other.items);
    }

    private Schema element(int i) {
        if (i < prefix.size()) {
            return prefix.get(i);
        }
        return items == null ? Schema.ANY : items;
    }

    private static @Nullable Schema bothOf(@Nullable Schema a, @Nullable Schema b) {
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        return a.and(b);
    }

    private void objectsAnd(Shape other, Shape both) {
        boolean tangled =
                (!patterns.isEmpty() && other.additional != null) || (!other.patterns.isEmpty() && additional != null);
        if (tangled) {
            throw new GrammarException("patternProperties of one schema together with additionalProperties of another"
                    + " (by allOf, $ref or anyOf) are not supported.");
        }
        properties.forEach((name, schema) -> both.properties.put(name, schema.and(other.member(name))));
        other.properties.forEach((name, schema) -> {
            if (!properties.containsKey(name)) {
                both.properties.put(name, schema.and(member(name)));
            }
        });
        both.patterns = joined(patterns, other.patterns);
        both.additional = bothOf(additional, other.additional);
    }

    /** What this says of a member that another shape names; patterns are looked at when the object is written. */
    private Schema member(String name) {
        Schema own = properties.get(name);
        if (own != null) {
            return own;
        }
        boolean matched = patterns.stream().anyMatch(keyed -> keyed.names().matches(name));
        return matched || additional == null ? Schema.ANY : additional;
    }

    boolean allows(Kind kind) {
        return kinds.contains(kind);
    }

    /** Whether it is plain that no value satisfies this. */
    boolean isImpossible() {
        if (kinds.isEmpty() || (values != null && values.isEmpty())) {
            return true;
        }
        return kinds.stream().allMatch(kind -> switch (kind) {
            case NULL, BOOLEAN -> false;
            case INTEGER, NUMBER ->
                least != null && most != null && least.limit().compareTo(most.limit()) > 0;
            case STRING -> minLength > maxLength;
            case ARRAY -> minItems > maxItems;
            case OBJECT -> minProperties > maxProperties;
        });
    }
}
