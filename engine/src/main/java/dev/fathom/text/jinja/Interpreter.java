package dev.fathom.text.jinja;

import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** Runs statements. */
final class Interpreter {
    /** How a statement ended. */
    private enum Flow {
        ON,
        BREAK,
        CONTINUE
    }

    private final Execution execution;
    private final Evaluator evaluator;

    Interpreter(Execution execution, Map<String, Object> globals) {
        this.execution = execution;
        this.evaluator = new Evaluator(execution, globals);
    }

    /** What the statements print. */
    String render(List<Stmt> body, Scope scope) {
        StringBuilder out = new StringBuilder();
        run(body, scope, out);
        return out.toString();
    }

    private Flow run(List<Stmt> body, Scope scope, StringBuilder out) {
        execution.enter();
        Flow flow = Flow.ON;
        for (int i = 0; flow == Flow.ON && i < body.size(); i++) {
            execution.charge(1);
            flow = run(body.get(i), scope, out);
        }
        execution.leave();
        return flow;
    }

    private Flow run(Stmt statement, Scope scope, StringBuilder out) {
        switch (statement) {
            case Stmt.Text text -> print(text.text(), out);
            case Stmt.Output output -> {
                for (Expr value : output.values()) {
                    Object printed = evaluator.evaluate(value, scope);
                    execution.at(value.position());
                    print(Printer.text(execution, printed), out);
                }
            }
            case Stmt.Assign assign -> {
                Object value = evaluator.evaluate(assign.value(), scope);
                execution.at(assign.position());
                assign(assign.target(), value, scope);
            }
            case Stmt.AssignBlock block -> {
                Object value = filtered(render(block.body(), new Scope(scope)), block.filters(), scope);
                execution.at(block.position());
                assign(block.target(), value, scope);
            }
            case Stmt.If branches -> {
                return branch(branches, scope, out);
            }
            case Stmt.For loop -> {
                loop(loop, evaluator.evaluate(loop.iterable(), scope), 0, scope, out);
            }
            case Stmt.Break end -> {
                return Flow.BREAK;
            }
            case Stmt.Continue skip -> {
                return Flow.CONTINUE;
            }
            case Stmt.With with -> {
                return with(with, scope, out);
            }
            case Stmt.DefineMacro define -> scope.set(define.macro().name(), new Macro(this, define.macro(), scope));
            case Stmt.CallBlock block -> callBlock(block, scope, out);
            case Stmt.FilterBlock block -> {
                Object value = filtered(render(block.body(), new Scope(scope)), block.filters(), scope);
                print(Printer.text(execution, value), out);
            }
            case Stmt.Scoped scoped -> run(scoped.body(), new Scope(scope), out);
        }
        return Flow.ON;
    }

    private void print(String text, StringBuilder out) {
        execution.chargeText(text.length());
        out.append(text);
    }

    private Object filtered(String text, List<Expr.Filter> filters, Scope scope) {
        Object value = text;
        for (Expr.Filter filter : filters) {
            value = evaluator.filter(value, filter, scope);
        }
        return value;
    }

    private Flow branch(Stmt.If branches, Scope scope, StringBuilder out) {
        for (Stmt.Branch branch : branches.branches()) {
            if (Values.isTrue(evaluator.evaluate(branch.test(), scope))) {
                return run(branch.body(), scope, out);
            }
        }
        return run(branches.otherwise(), scope, out);
    }

    private Flow with(Stmt.With with, Scope scope, StringBuilder out) {
        Scope inner = new Scope(scope);
        for (int i = 0; i < with.targets().size(); i++) {
            // All values belong to the scope around it.
            Object value = evaluator.evaluate(with.values().get(i), scope);
            execution.at(with.position());
            assign(with.targets().get(i), value, inner);
        }
        return run(with.body(), inner, out);
    }

    private void callBlock(Stmt.CallBlock block, Scope scope, StringBuilder out) {
        Expr.Chain chain = (Expr.Chain) block.call();
        Expr.Call call = (Expr.Call) chain.links().getLast();
        List<Expr.Link> before = chain.links().subList(0, chain.links().size() - 1);
        Object callee = evaluator.evaluate(new Expr.Chain(chain.base(), before, chain.position()), scope);
        Arguments arguments = evaluator.arguments(call.arguments(), scope);
        execution.at(call.position());
        if (arguments.named().put("caller", new Macro(this, block.caller(), scope)) != null) {
            throw execution.error("a call block's call already has an argument 'caller'");
        }
        print(Printer.text(execution, evaluator.call(callee, arguments)), out);
    }

    void assign(Stmt.Target target, Object value, Scope scope) {
        switch (target) {
            case Stmt.Target.Variable variable -> scope.set(variable.name(), value);
            case Stmt.Target.NamespaceAttribute attribute -> {
                if (!(scope.find(attribute.name()) instanceof Namespace namespace)) {
                    throw execution.error("cannot assign attribute on non-namespace object");
                }
                namespace.attributes.put(attribute.attribute(), value);
            }
            case Stmt.Target.Unpacked unpacked -> {
                List<Object> values = Values.list(execution, value);
                int wanted = unpacked.targets().size();
                if (values.size() != wanted) {
                    throw execution.error(
                            values.size() > wanted
                                    ? "too many values to unpack (expected " + wanted + ")"
                                    : "not enough values to unpack (expected " + wanted + ", got " + values.size()
                                            + ")");
                }
                for (int i = 0; i < wanted; i++) {
                    assign(unpacked.targets().get(i), values.get(i), scope);
                }
            }
        }
    }

    private void loop(Stmt.For loop, Object iterable, int depth, Scope scope, StringBuilder out) {
        execution.at(loop.iterable().position());
        Iterator<Object> items = Values.iterator(execution, iterable);
        int length = loop.test() == null ? Values.lengthOrNone(iterable) : -1;
        if (loop.test() != null) {
            items = new Filtered(items, loop, loop.test(), scope);
        }
        LoopContext context = new LoopContext(execution, items, length, depth, recursion(loop, depth, scope));
        boolean any = false;
        while (context.advance()) {
            any = true;
            execution.charge(1);
            Scope inner = new Scope(scope);
            inner.set("loop", context);
            execution.at(loop.position());
            assign(loop.target(), context.current(), inner);
            if (run(loop.body(), inner, out) == Flow.BREAK) {
                break;
            }
        }
        if (!any) {
            run(loop.otherwise(), new Scope(scope), out);
        }
    }

    private @Nullable Callable recursion(Stmt.For loop, int depth, Scope scope) {
        if (!loop.recursive()) {
            return null;
        }
        return arguments -> {
            Object iterable = arguments.bind("loop", 1, "iterable").required(0);
            StringBuilder out = new StringBuilder();
            execution.enter();
            loop(loop, iterable, depth + 1, scope, out);
            execution.leave();
            return out.toString();
        };
    }

    /** The value of a parameter's default or the text of a macro's body, in its own scope. */
    Object evaluate(Expr expression, Scope scope) {
        return evaluator.evaluate(expression, scope);
    }

    Execution execution() {
        return execution;
    }

    /** The elements for which a loop's condition holds, tested when they are asked for. */
    private final class Filtered implements Iterator<Object> {
        private final Iterator<Object> items;
        private final Stmt.For loop;
        private final Expr test;
        private final Scope scope;
        private @Nullable Object next;

        Filtered(Iterator<Object> items, Stmt.For loop, Expr test, Scope scope) {
            this.items = items;
            this.loop = loop;
            this.test = test;
            this.scope = scope;
        }

        @Override
        public boolean hasNext() {
            while (next == null && items.hasNext()) {
                Object item = items.next();
                Scope inner = new Scope(scope);
                assign(loop.target(), item, inner);
                if (Values.isTrue(evaluator.evaluate(test, inner))) {
                    next = item;
                }
            }
            return next != null;
        }

        @Override
        public Object next() {
            if (!hasNext() || next == null) {
                throw new NoSuchElementException();
            }
            Object item = next;
            next = null;
            return item;
        }
    }
}
