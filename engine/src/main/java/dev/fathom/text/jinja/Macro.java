package dev.fathom.text.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro, or the body of a call block. */
record Macro(Interpreter interpreter, Stmt.MacroBody body, Scope outer) implements Callable {
    String name() {
        return body.name();
    }

    boolean takesNamed() {
        return body.free().contains("kwargs");
    }

    boolean takesPositional() {
        return body.free().contains("varargs");
    }

    boolean takesCaller() {
        return body.free().contains("caller");
    }

    @Override
    public Object call(Arguments arguments) {
        Execution execution = interpreter.execution();
        execution.enter();
        Scope scope = new Scope(outer);
        List<Object> positional = arguments.positional();
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        int parameters = body.parameters().size();
        int firstDefault = parameters - body.defaults().size();
        for (int i = 0; i < parameters; i++) {
            String parameter = body.parameters().get(i);
            Object value = i < positional.size() ? positional.get(i) : named.remove(parameter);
            if (value == null) {
                value = i >= firstDefault
                        ? interpreter.evaluate(body.defaults().get(i - firstDefault), scope)
                        : new Undefined("parameter '" + parameter + "' was not provided");
            }
            scope.set(parameter, value);
        }
        surplus(execution, scope, positional, named);
        String text = interpreter.render(body.body(), scope);
        execution.leave();
        return text;
    }

    private void surplus(Execution execution, Scope scope, List<Object> positional, Map<String, Object> named) {
        int parameters = body.parameters().size();
        if (takesCaller() && !body.parameters().contains("caller")) {
            Object caller = named.remove("caller");
            scope.set("caller", caller == null ? new Undefined("No caller defined") : caller);
        }
        if (takesNamed()) {
            PyDict rest = new PyDict();
            named.forEach(rest::put);
            scope.set("kwargs", rest);
        } else if (!named.isEmpty()) {
            throw execution.error("macro '" + name() + "' takes no keyword argument '"
                    + named.keySet().iterator().next() + "'");
        }
        if (takesPositional()) {
            List<Object> rest = positional.subList(Math.min(parameters, positional.size()), positional.size());
            scope.set("varargs", new PyList(List.copyOf(rest), true));
        } else if (positional.size() > parameters) {
            throw execution.error("macro '" + name() + "' takes not more than " + parameters + " argument(s)");
        }
    }
}
