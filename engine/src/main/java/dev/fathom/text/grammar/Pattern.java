package dev.fathom.text.grammar;

import java.util.List;

/** A parsed regular expression. Groups leave no node: nobody asks for captures. */
sealed interface Pattern {
    record Chars(CodePoints set) implements Pattern {}

    record Sequence(List<Pattern> parts) implements Pattern {}

    record Choice(List<Pattern> options) implements Pattern {}

    /** @param max most repetitions, {@link Expr#UNBOUNDED} for no limit */
    record Repeat(Pattern body, int min, int max) implements Pattern {}

    /** {@code ^}: the text begins here. */
    record Start() implements Pattern {}

    /** {@code $}: the text ends here. */
    record End() implements Pattern {}
}
