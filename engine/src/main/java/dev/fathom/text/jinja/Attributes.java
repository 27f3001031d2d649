package dev.fathom.text.jinja;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@code value.name} and {@code value[index]}, in the sandbox: nothing private, nothing that changes a value. */
final class Attributes {
    private static final Set<String> LIST_MUTATORS =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");
    private static final Set<String> DICT_MUTATORS = Set.of("clear", "pop", "popitem", "setdefault", "update");

    /** What Python's types offer besides and is not supported here: an error rather than silently undefined. */
    private static final Set<String> OTHER_TEXT = Set.of("encode", "format_map", "maketrans", "translate");

    private static final Set<String> OTHER_NUMBER = Set.of(
            "real",
            "imag",
            "numerator",
            "denominator",
            "conjugate",
            "bit_length",
            "bit_count",
            "to_bytes",
            "from_bytes",
            "as_integer_ratio",
            "is_integer",
            "hex",
            "fromhex");

    private Attributes() {}

    /** The attribute if there is one, else the item, else undefined. */
    static Object dotted(Execution execution, Object owner, String name) {
        Operators.refuseUndefined(execution, owner);
        Object value = attribute(execution, owner, name);
        if (value == null) {
            value = Subscripts.item(execution, owner, name);
        }
        return value == null ? Undefined.attribute(owner, name) : value;
    }

    /** The item if there is one, else (for a string) the attribute, else undefined. */
    static Object subscripted(Execution execution, Object owner, Object index) {
        Object value = Subscripts.item(execution, owner, index);
        if (value == null && index instanceof String name) {
            value = attribute(execution, owner, name);
        }
        return value == null ? Undefined.attribute(owner, index) : value;
    }

    /** A Python attribute of a value, without looking at its items; null when there is none. */
    static @Nullable Object attribute(Execution execution, Object owner, String name) {
        if (owner instanceof Namespace namespace) {
            return namespace.attributes.get(name);
        }
        if (name.startsWith("__") && name.endsWith("__")) {
            return unsafe(owner, name);
        }
        return switch (owner) {
            case String text -> {
                refuse(execution, OTHER_TEXT, owner, name);
                yield TextMethods.find(text, name);
            }
            case SafeText safe -> {
                if (TextMethods.find(safe.text(), name) == null) {
                    yield null;
                }
                throw execution.error("'" + name + "' of a value marked safe is not supported");
            }
            case PyDict dict -> DICT_MUTATORS.contains(name) ? unsafe(owner, name) : dict(execution, dict, name);
            case PyList list ->
                !list.tuple() && LIST_MUTATORS.contains(name) ? unsafe(owner, name) : list(execution, list, name);
            case PyRange range ->
                switch (name) {
                    case "start" -> range.start();
                    case "stop" -> range.stop();
                    case "step" -> range.step();
                    default -> list(execution, new PyList(Values.list(execution, range), true), name);
                };
            case LoopContext loop -> loop.attribute(name);
            case Macro macro -> macro(macro, name);
            case Counters.Cycler cycler -> cycler.attribute(name);
            default -> {
                if (Types.isNumber(owner)) {
                    refuse(execution, OTHER_NUMBER, owner, name);
                }
                yield null;
            }
        };
    }

    private static Undefined unsafe(Object owner, String name) {
        return new Undefined("access to attribute '" + name + "' of '" + Types.name(owner) + "' object is unsafe.");
    }

    private static void refuse(Execution execution, Set<String> names, Object owner, String name) {
        if (names.contains(name)) {
            throw execution.error("the attribute '" + name + "' of '" + Types.name(owner) + "' is not supported");
        }
    }

    private static @Nullable Object dict(Execution execution, PyDict dict, String name) {
        return switch (name) {
            case "keys" -> view(dict, DictView.Kind.KEYS, name);
            case "values" -> view(dict, DictView.Kind.VALUES, name);
            case "items" -> view(dict, DictView.Kind.ITEMS, name);
            case "get" ->
                new BoundMethod(name, dict, arguments -> {
                    Arguments.Bound bound = arguments.bind(name, 1, "key", "default");
                    Object value = dict.get(execution, bound.required(0));
                    return value == null ? bound.value(1, None.NONE) : value;
                });
            case "copy" ->
                new BoundMethod(name, dict, arguments -> {
                    arguments.bind(name, 0);
                    return dict;
                });
            case "fromkeys" -> throw execution.error("the attribute 'fromkeys' of 'dict' is not supported");
            default -> null;
        };
    }

    private static Object view(PyDict dict, DictView.Kind kind, String name) {
        return new BoundMethod(name, dict, arguments -> {
            arguments.bind(name, 0);
            return new DictView(dict, kind);
        });
    }

    private static @Nullable Object list(Execution execution, PyList list, String name) {
        return switch (name) {
            case "count" ->
                new BoundMethod(name, list, arguments -> {
                    Object wanted = arguments.bind(name, 1, "value").required(0);
                    long count = 0;
                    for (Object item : list.items()) {
                        count += Types.identical(item, wanted) || Values.equal(execution, item, wanted) ? 1 : 0;
                    }
                    return count;
                });
            case "index" -> new BoundMethod(name, list, arguments -> index(execution, list, arguments));
            case "copy" ->
                list.tuple()
                        ? null
                        : new BoundMethod(name, list, arguments -> {
                            arguments.bind(name, 0);
                            return list;
                        });
            default -> null;
        };
    }

    private static Object index(Execution execution, PyList list, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("index", 1, "value", "start", "stop");
        int size = list.size();
        int start = bound.integer(1, 0);
        int stop = bound.integer(2, size);
        start = start < 0 ? Math.max(start + size, 0) : start;
        stop = Math.min(stop < 0 ? stop + size : stop, size);
        for (int i = start; i < stop; i++) {
            if (Values.equal(execution, list.items().get(i), bound.required(0))) {
                return (long) i;
            }
        }
        throw execution.error(Printer.repr(execution, bound.required(0)) + " is not in " + Types.name(list));
    }

    private static @Nullable Object macro(Macro macro, String name) {
        return switch (name) {
            case "name" -> macro.name();
            case "arguments" -> new PyList(List.copyOf(macro.body().parameters()), true);
            case "catch_kwargs" -> macro.takesNamed();
            case "catch_varargs" -> macro.takesPositional();
            case "caller" -> macro.takesCaller();
            default -> null;
        };
    }
}
