package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The members of an object: named ones in order, then extra ones, whose names are none of these. */
final class SchemaMembers {
    /** Patterns of names are told apart by all their combinations. */
    private static final int MOST_PATTERNS = 4;

    private final Shape shape;
    private final Json json;
    private final Function<Schema, Expr> values;
    private final boolean closed;
    private final Budget budget;
    private final Set<String> named = new LinkedHashSet<>();

    /** @param values what a schema's values look like */
    SchemaMembers(Shape shape, Json json, Function<Schema, Expr> values, boolean closed, Budget budget) {
        this.shape = shape;
        this.json = json;
        this.values = values;
        this.closed = closed;
        this.budget = budget;
        named.addAll(shape.properties.keySet());
        named.addAll(shape.required);
    }

    Expr expr() {
        if (shape.patterns.size() > MOST_PATTERNS) {
            throw new GrammarException(
                    "patternProperties with more than " + MOST_PATTERNS + " patterns in one object are not supported.");
        }
        List<Expr.Member> members = new ArrayList<>();
        for (String name : named) {
            boolean required = shape.required.contains(name);
            boolean allowed = shape.names.stream().allMatch(names -> names.matches(name));
            Expr value = allowed ? value(name) : Expr.NEVER;
            members.add(new Expr.Member(Expr.sequence(Expr.literal(Json.quoted(name)), json.colon(), value), required));
        }
        Expr extra = extra();
        if (members.isEmpty()) {
            return extra == null ? optionalNothing() : repeated(extra);
        }
        return new Expr.Members(members, extra, json.comma(), shape.minProperties, shape.maxProperties);
    }

    private Expr value(String name) {
        Schema own = shape.properties.get(name);
        Schema schema = own == null ? Schema.ANY : own;
        boolean matched = own != null;
        for (Shape.Keyed keyed : shape.patterns) {
            if (keyed.names().matches(name)) {
                schema = schema.and(keyed.schema());
                matched = true;
            }
        }
        if (!matched && shape.additional != null) {
            schema = shape.additional;
        }
        return values.apply(schema);
    }

    private Expr optionalNothing() {
        return shape.minProperties == 0 ? Expr.EMPTY : Expr.NEVER;
    }

    private Expr repeated(Expr extra) {
        if (shape.maxProperties == 0) {
            return optionalNothing();
        }
        int min = Math.max(shape.minProperties - 1, 0);
        int max = shape.maxProperties == Expr.UNBOUNDED ? Expr.UNBOUNDED : shape.maxProperties - 1;
        Expr some = Expr.sequence(extra, new Expr.Repeat(Expr.sequence(json.comma(), extra), min, max));
        return shape.minProperties == 0 ? Expr.optional(some) : some;
    }

    /** Members that are not named; null for none. */
    private @Nullable Expr extra() {
        TextDfa names = null;
        for (TextDfa one : shape.names) {
            names = names == null ? one : names.and(one, budget);
        }
        if (!named.isEmpty()) {
            TextDfa others = TextDfa.texts(named, budget).not(budget);
            names = names == null ? others : names.and(others, budget);
        }
        List<Expr> options = new ArrayList<>();
        for (int matching = 0; matching < 1 << shape.patterns.size(); matching++) {
            Expr option = extra(names, matching);
            if (option != null) {
                options.add(option);
            }
        }
        return options.isEmpty() ? null : new Expr.Choice(options);
    }

    /** @param matching the patterns that the name matches, as bits; it matches none of the others */
    private @Nullable Expr extra(@Nullable TextDfa allowed, int matching) {
        TextDfa names = allowed;
        Schema schema = Schema.ANY;
        for (int i = 0; i < shape.patterns.size(); i++) {
            Shape.Keyed keyed = shape.patterns.get(i);
            boolean matches = (matching >>> i & 1) != 0;
            TextDfa part = matches ? keyed.names() : keyed.names().not(budget);
            names = names == null ? part : names.and(part, budget);
            schema = matches ? schema.and(keyed.schema()) : schema;
        }
        if (matching == 0) {
            boolean says = !shape.properties.isEmpty() || !shape.patterns.isEmpty();
            if (shape.additional == null && closed && says) {
                return null;
            }
            schema = shape.additional == null ? Schema.ANY : shape.additional;
        }
        Expr name = names == null ? json.string : Json.string(names);
        return Expr.sequence(name, json.colon(), values.apply(schema));
    }
}
