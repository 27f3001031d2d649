package dev.fathom.text.jinja;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A statement of a template. */
sealed interface Stmt {
    record Text(String text) implements Stmt {}

    record Output(List<Expr> values) implements Stmt {}

    record Assign(Target target, Expr value, int position) implements Stmt {}

    /** @param filters applied to the rendered body, in turn */
    record AssignBlock(Target target, List<Expr.Filter> filters, List<Stmt> body, int position) implements Stmt {}

    record If(List<Branch> branches, List<Stmt> otherwise) implements Stmt {}

    record Branch(Expr test, List<Stmt> body) {}

    record For(
            Target target,
            Expr iterable,
            @Nullable Expr test,
            boolean recursive,
            List<Stmt> body,
            List<Stmt> otherwise,
            int position)
            implements Stmt {}

    record Break() implements Stmt {}

    record Continue() implements Stmt {}

    record With(List<Target> targets, List<Expr> values, List<Stmt> body, int position) implements Stmt {}

    record DefineMacro(MacroBody macro) implements Stmt {}

    /** {@code {% call(parameters) callee(...) %}}: the body is handed to the callee as its caller. */
    record CallBlock(Expr call, MacroBody caller, int position) implements Stmt {}

    record FilterBlock(List<Expr.Filter> filters, List<Stmt> body, int position) implements Stmt {}

    /** A body with variables of its own: {@code {% generation %}}. */
    record Scoped(List<Stmt> body) implements Stmt {}

    /**
     * @param defaults of the last parameters
     * @param free     the names the body reads; decides whether surplus arguments are taken
     */
    record MacroBody(
            String name,
            List<String> parameters,
            List<Expr> defaults,
            List<Stmt> body,
            Set<String> free,
            int position) {}

    /** What can be assigned to. */
    sealed interface Target {
        record Variable(String name) implements Target {}

        record NamespaceAttribute(String name, String attribute) implements Target {}

        record Unpacked(List<Target> targets) implements Target {}
    }
}
