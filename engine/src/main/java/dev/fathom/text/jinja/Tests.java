package dev.fathom.text.jinja;

import java.util.Set;

/** What may stand behind {@code is}. */
final class Tests {
    private static final Set<String> NAMES = Set.of(
            "boolean",
            "callable",
            "defined",
            "divisibleby",
            "eq",
            "equalto",
            "==",
            "escaped",
            "even",
            "false",
            "filter",
            "float",
            "ge",
            ">=",
            "gt",
            "greaterthan",
            ">",
            "in",
            "integer",
            "iterable",
            "le",
            "<=",
            "lower",
            "lt",
            "lessthan",
            "<",
            "mapping",
            "ne",
            "!=",
            "none",
            "number",
            "odd",
            "sameas",
            "sequence",
            "string",
            "test",
            "true",
            "undefined",
            "upper");

    private Tests() {}

    static boolean holds(String name, Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        execution.charge(1);
        return switch (name) {
            case "defined",
                    "undefined",
                    "none",
                    "boolean",
                    "true",
                    "false",
                    "integer",
                    "float",
                    "number",
                    "string",
                    "mapping",
                    "sequence",
                    "iterable",
                    "callable",
                    "escaped",
                    "lower",
                    "upper",
                    "odd",
                    "even",
                    "filter",
                    "test" -> {
                arguments.bind(name, 0);
                yield plain(execution, name, value);
            }
            case "divisibleby" -> remainder(execution, value, other(arguments, name)) == 0;
            case "sameas" -> same(value, other(arguments, name));
            case "in" -> Operators.compare(execution, "in", value, other(arguments, name));
            case "eq", "equalto", "==" -> Operators.compare(execution, "==", value, other(arguments, name));
            case "ne", "!=" -> Operators.compare(execution, "!=", value, other(arguments, name));
            case "lt", "lessthan", "<" -> Operators.compare(execution, "<", value, other(arguments, name));
            case "le", "<=" -> Operators.compare(execution, "<=", value, other(arguments, name));
            case "gt", "greaterthan", ">" -> Operators.compare(execution, ">", value, other(arguments, name));
            case "ge", ">=" -> Operators.compare(execution, ">=", value, other(arguments, name));
            default -> throw execution.error("No test named '" + name + "'.");
        };
    }

    private static Object other(Arguments arguments, String name) {
        return arguments.bind(name, 1, "other").required(0);
    }

    private static boolean plain(Execution execution, String name, Object value) {
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value == None.NONE;
            case "boolean" -> value instanceof Boolean;
            case "true" -> Boolean.TRUE.equals(value);
            case "false" -> Boolean.FALSE.equals(value);
            case "integer" -> Types.isInteger(value) && !(value instanceof Boolean);
            case "float" -> value instanceof Double;
            case "number" -> Types.isNumber(value);
            case "string" -> Types.isText(value);
            case "mapping" -> value instanceof PyDict;
            case "sequence" ->
                Types.isText(value)
                        || value instanceof PyList
                        || value instanceof PyDict
                        || value instanceof PyRange
                        || value instanceof Undefined;
            case "iterable" -> Values.iteratorOrNull(execution, value) != null;
            case "callable" -> value instanceof Callable || value instanceof Undefined;
            case "escaped" -> value instanceof SafeText;
            case "lower" -> TextMethods.isLower(Printer.text(execution, value));
            case "upper" -> TextMethods.isUpper(Printer.text(execution, value));
            case "odd" -> remainder(execution, value, 2L) == 1;
            case "even" -> remainder(execution, value, 2L) == 0;
            case "filter" -> Types.isText(value) && Filters.exists(Printer.text(execution, value));
            default -> Types.isText(value) && NAMES.contains(Printer.text(execution, value));
        };
    }

    private static double remainder(Execution execution, Object value, Object divisor) {
        return Numbers.toDouble(execution, Operators.arithmetic(execution, "%", numeric(execution, value), divisor));
    }

    private static Object numeric(Execution execution, Object value) {
        Operators.refuseUndefined(execution, value);
        if (!Types.isNumber(value)) {
            throw execution.error("a number is needed, not " + Types.name(value));
        }
        return value;
    }

    /** Python's identity, as far as it means something: small values are equal, containers the same object. */
    private static boolean same(Object left, Object right) {
        boolean simple =
                left instanceof Boolean || left instanceof Long || left instanceof Double || Types.isText(left);
        return simple ? left.equals(right) : Types.identical(left, right);
    }
}
