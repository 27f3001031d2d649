package dev.fathom.text.jinja;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/** Which of Python's types a value is. */
final class Types {
    private Types() {}

    /** The type's name as Python's messages give it. */
    static String name(Object value) {
        return switch (value) {
            case None none -> "NoneType";
            case Boolean flag -> "bool";
            case Long number -> "int";
            case BigInteger number -> "int";
            case Double number -> "float";
            case String text -> "str";
            case SafeText safe -> "Markup";
            case PyList list -> list.tuple() ? "tuple" : "list";
            case PyDict dict -> "dict";
            case PyRange range -> "range";
            case PyIterator iterator -> iterator.typeName();
            case DictView view ->
                switch (view.kind()) {
                    case KEYS -> "dict_keys";
                    case VALUES -> "dict_values";
                    case ITEMS -> "dict_items";
                };
            case Namespace namespace -> "Namespace";
            case Undefined undefined -> "Undefined";
            case LoopContext loop -> "LoopContext";
            case Macro macro -> "Macro";
            case BoundMethod method -> "builtin_function_or_method";
            default -> "function";
        };
    }

    /** Python's {@code is}. */
    @SuppressWarnings("ReferenceEquality")
    static boolean identical(Object left, Object right) {
        return left == right;
    }

    static boolean isInteger(Object value) {
        return value instanceof Long || value instanceof BigInteger || value instanceof Boolean;
    }

    static boolean isNumber(Object value) {
        return isInteger(value) || value instanceof Double;
    }

    static boolean isText(Object value) {
        return value instanceof String || value instanceof SafeText;
    }

    /** The characters of a string value; null for other values. */
    static @Nullable String textOrNull(Object value) {
        return switch (value) {
            case String text -> text;
            case SafeText safe -> safe.text();
            default -> null;
        };
    }

    /** An int's value, clamped to a long; null for other values. */
    static @Nullable Long integerOrNull(Object value) {
        return switch (value) {
            case Long number -> number;
            case Boolean flag -> flag ? 1L : 0L;
            case BigInteger number -> number.signum() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
            default -> null;
        };
    }
}
