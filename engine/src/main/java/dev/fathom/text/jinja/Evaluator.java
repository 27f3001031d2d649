package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Evaluates expressions. */
final class Evaluator {
    private final Execution execution;
    private final Map<String, Object> globals;

    Evaluator(Execution execution, Map<String, Object> globals) {
        this.execution = execution;
        this.globals = globals;
    }

    Object evaluate(Expr expression, Scope scope) {
        execution.charge(1);
        execution.enter();
        Object value = switch (expression) {
            case Expr.Constant constant -> constant.value();
            case Expr.Name name -> name(name.name(), scope);
            case Expr.ListOf list -> new PyList(all(list.items(), scope), list.tuple());
            case Expr.DictOf dict -> dict(dict, scope);
            case Expr.Negation negation -> {
                Object operand = evaluate(negation.operand(), scope);
                execution.at(negation.position());
                yield Operators.negate(execution, operand, negation.minus());
            }
            case Expr.Not not -> !Values.isTrue(evaluate(not.operand(), scope));
            case Expr.Logic logic -> logic(logic, scope);
            case Expr.Arithmetic arithmetic -> arithmetic(arithmetic, scope);
            case Expr.Concat concat -> concat(concat, scope);
            case Expr.Comparison comparison -> comparison(comparison, scope);
            case Expr.Conditional conditional -> conditional(conditional, scope);
            case Expr.Chain chain -> chain(chain, scope);
        };
        execution.leave();
        return value;
    }

    private Object name(String name, Scope scope) {
        Object value = scope.find(name);
        if (value == null) {
            value = globals.get(name);
        }
        if (value == null && name.equals("self")) {
            throw execution.error("'self' is not supported: there are no blocks");
        }
        return value == null ? Undefined.name(name) : value;
    }

    private List<Object> all(List<Expr> expressions, Scope scope) {
        List<Object> values = new ArrayList<>(expressions.size());
        for (Expr expression : expressions) {
            values.add(evaluate(expression, scope));
        }
        return values;
    }

    private Object dict(Expr.DictOf expression, Scope scope) {
        PyDict dict = new PyDict();
        for (int i = 0; i < expression.keys().size(); i++) {
            Object key = evaluate(expression.keys().get(i), scope);
            Object value = evaluate(expression.values().get(i), scope);
            execution.at(expression.keys().get(i).position());
            dict.put(execution, key, value);
        }
        return dict;
    }

    /** The operand that decides, as in Python: {@code 'a' or 'b'} is 'a'. */
    private Object logic(Expr.Logic logic, Scope scope) {
        Object value = None.NONE;
        for (Expr operand : logic.operands()) {
            value = evaluate(operand, scope);
            if (Values.isTrue(value) != logic.and()) {
                break;
            }
        }
        return value;
    }

    private Object arithmetic(Expr.Arithmetic arithmetic, Scope scope) {
        Object value = evaluate(arithmetic.first(), scope);
        for (Expr.Operation operation : arithmetic.operations()) {
            Object right = evaluate(operation.operand(), scope);
            execution.at(operation.position());
            value = Operators.arithmetic(execution, operation.operator(), value, right);
        }
        return value;
    }

    private Object concat(Expr.Concat concat, Scope scope) {
        StringBuilder out = new StringBuilder();
        for (Expr operand : concat.operands()) {
            out.append(Printer.text(execution, evaluate(operand, scope)));
            execution.at(concat.position());
            execution.chargeText(out.length());
        }
        return out.toString();
    }

    private Object comparison(Expr.Comparison comparison, Scope scope) {
        Object left = evaluate(comparison.first(), scope);
        for (Expr.Operation operation : comparison.operations()) {
            Object right = evaluate(operation.operand(), scope);
            execution.at(operation.position());
            if (!Operators.compare(execution, operation.operator(), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private Object conditional(Expr.Conditional conditional, Scope scope) {
        if (Values.isTrue(evaluate(conditional.test(), scope))) {
            return evaluate(conditional.value(), scope);
        }
        return conditional.otherwise() != null
                ? evaluate(conditional.otherwise(), scope)
                : new Undefined("the inline if-expression evaluated to false and no else section was defined");
    }

    private Object chain(Expr.Chain chain, Scope scope) {
        Object value = evaluate(chain.base(), scope);
        for (Expr.Link link : chain.links()) {
            execution.charge(1);
            value = switch (link) {
                case Expr.Attribute attribute -> {
                    execution.at(attribute.position());
                    yield Attributes.dotted(execution, value, attribute.name());
                }
                case Expr.Item item -> {
                    Object index = evaluate(item.index(), scope);
                    execution.at(item.position());
                    yield Attributes.subscripted(execution, value, index);
                }
                case Expr.Slice slice -> slice(value, slice, scope);
                case Expr.Call call -> call(value, call, scope);
                case Expr.Filter filter -> filter(value, filter, scope);
                case Expr.Test test -> test(value, test, scope);
            };
        }
        return value;
    }

    private Object slice(Object owner, Expr.Slice slice, Scope scope) {
        Object start = bound(slice.start(), scope);
        Object stop = bound(slice.stop(), scope);
        Object step = bound(slice.step(), scope);
        execution.at(slice.position());
        return Subscripts.slice(execution, owner, start, stop, step);
    }

    private Object bound(@Nullable Expr expression, Scope scope) {
        return expression == null ? None.NONE : evaluate(expression, scope);
    }

    private Object call(Object callee, Expr.Call call, Scope scope) {
        Arguments arguments = arguments(call.arguments(), scope);
        execution.at(call.position());
        return call(callee, arguments);
    }

    /** Calls a value; it must be callable. */
    Object call(Object callee, Arguments arguments) {
        if (callee instanceof Callable callable) {
            return callable.call(arguments);
        }
        Operators.refuseUndefined(execution, callee);
        throw execution.error("'" + Types.name(callee) + "' object is not callable");
    }

    Object filter(Object value, Expr.Filter filter, Scope scope) {
        Arguments arguments = arguments(filter.arguments(), scope);
        execution.at(filter.position());
        return Filters.apply(filter.name(), value, arguments);
    }

    private Object test(Object value, Expr.Test test, Scope scope) {
        Arguments arguments = arguments(test.arguments(), scope);
        execution.at(test.position());
        return Tests.holds(test.name(), value, arguments) != test.negated();
    }

    Arguments arguments(Expr.CallArguments given, Scope scope) {
        List<Object> positional = all(given.positional(), scope);
        Map<String, Object> named = new LinkedHashMap<>();
        for (Expr.Named each : given.named()) {
            name(named, each.name(), evaluate(each.value(), scope));
        }
        if (given.morePositional() != null) {
            positional.addAll(Values.list(execution, evaluate(given.morePositional(), scope)));
        }
        if (given.moreNamed() != null) {
            if (!(evaluate(given.moreNamed(), scope) instanceof PyDict dict)) {
                throw execution.error("argument after ** must be a mapping");
            }
            List<Object> keys = dict.keys();
            List<Object> values = dict.values();
            for (int i = 0; i < keys.size(); i++) {
                if (!(keys.get(i) instanceof String name)) {
                    throw execution.error("keywords must be strings");
                }
                name(named, name, values.get(i));
            }
        }
        return new Arguments(execution, positional, named);
    }

    private void name(Map<String, Object> named, String name, Object value) {
        if (named.put(name, value) != null) {
            throw execution.error("keyword argument '" + name + "' is given twice");
        }
    }
}
