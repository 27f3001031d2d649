package dev.fathom.text.grammar;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a rule of a grammar matches, before it becomes an automaton. */
sealed interface Expr {
    int UNBOUNDED = Integer.MAX_VALUE;

    Expr EMPTY = new Sequence(List.of());

    /** Matches nothing, not even the empty text. */
    Expr NEVER = new Choice(List.of());

    /** How characters are written in the output. */
    enum Form {
        /** UTF-8. */
        RAW,
        /** Between the quotes of a JSON string: UTF-8 where JSON allows it, or any of JSON's escapes. */
        JSON
    }

    /** These characters one after the other, in UTF-8. */
    record Literal(String text) implements Expr {}

    /** One character of the set. */
    record Chars(CodePoints set, Form form) implements Expr {}

    /** A text that the automaton accepts. */
    record Text(TextDfa dfa, Form form) implements Expr {}

    /**
     * Free text, until something is found in it.
     *
     * @param text   accepts where the text may end
     * @param found  by state: what must follow there
     * @param again  whether free text comes once more after that; else nothing does
     */
    record Dispatch(TextDfa text, Map<Integer, Expr> found, boolean again) implements Expr {}

    record Sequence(List<Expr> parts) implements Expr {}

    record Choice(List<Expr> options) implements Expr {}

    /** @param max most repetitions, {@link #UNBOUNDED} for no limit */
    record Repeat(Expr body, int min, int max) implements Expr {}

    /**
     * These members in this order, those that are not required perhaps left out, then any number of extra ones; all
     * together {@code min} to {@code max}, with separators between them.
     *
     * @param extra  null for none
     */
    record Members(List<Member> members, @Nullable Expr extra, Expr separator, int min, int max) implements Expr {}

    record Member(Expr expr, boolean required) {}

    /** What the rule of this index matches. */
    record Call(int rule) implements Expr {}

    static Expr literal(String text) {
        return new Literal(text);
    }

    static Expr raw(CodePoints set) {
        return new Chars(set, Form.RAW);
    }

    static Expr sequence(Expr... parts) {
        return new Sequence(List.of(parts));
    }

    static Expr choice(Expr... options) {
        return new Choice(List.of(options));
    }

    static Expr optional(Expr body) {
        return new Repeat(body, 0, 1);
    }

    static Expr star(Expr body) {
        return new Repeat(body, 0, UNBOUNDED);
    }
}
