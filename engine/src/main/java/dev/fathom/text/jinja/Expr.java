package dev.fathom.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** An expression; chains of operators are kept flat, so that its depth is bounded by that of its brackets. */
sealed interface Expr {
    /** Where in the template it stands, for messages. */
    int position();

    record Constant(Object value, int position) implements Expr {}

    record Name(String name, int position) implements Expr {}

    record ListOf(List<Expr> items, boolean tuple, int position) implements Expr {}

    record DictOf(List<Expr> keys, List<Expr> values, int position) implements Expr {}

    record Negation(Expr operand, boolean minus, int position) implements Expr {}

    record Not(Expr operand, int position) implements Expr {}

    /** All operands joined by {@code and} (else {@code or}). */
    record Logic(boolean and, List<Expr> operands, int position) implements Expr {}

    /** Operators of one precedence, from left to right. */
    record Arithmetic(Expr first, List<Operation> operations, int position) implements Expr {}

    /** The string forms of all operands in a row: {@code a ~ b}. */
    record Concat(List<Expr> operands, int position) implements Expr {}

    record Comparison(Expr first, List<Operation> operations, int position) implements Expr {}

    record Operation(String operator, Expr operand, int position) {}

    /** {@code value if test else otherwise}; without an else it is undefined. */
    record Conditional(Expr test, Expr value, @Nullable Expr otherwise, int position) implements Expr {}

    /** A value and what is done with it in turn: attributes, items, calls, filters, tests. */
    record Chain(Expr base, List<Link> links, int position) implements Expr {}

    sealed interface Link {
        int position();
    }

    record Attribute(String name, int position) implements Link {}

    record Item(Expr index, int position) implements Link {}

    record Slice(
            @Nullable Expr start,
            @Nullable Expr stop,
            @Nullable Expr step,
            int position) implements Link {}

    record Call(CallArguments arguments, int position) implements Link {}

    record Filter(String name, CallArguments arguments, int position) implements Link {}

    record Test(String name, boolean negated, CallArguments arguments, int position) implements Link {}

    record CallArguments(
            List<Expr> positional,
            List<Named> named,
            @Nullable Expr morePositional,
            @Nullable Expr moreNamed) {
        static final CallArguments NONE = new CallArguments(List.of(), List.of(), null, null);
    }

    record Named(String name, Expr value) {}
}
