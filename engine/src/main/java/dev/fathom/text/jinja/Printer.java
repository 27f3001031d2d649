package dev.fathom.text.jinja;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;

/** {@code str} and {@code repr} of values. */
final class Printer {
    private final Execution execution;
    private final StringBuilder out = new StringBuilder();

    private Printer(Execution execution) {
        this.execution = execution;
    }

    /** As a template prints a value. */
    static String text(Execution execution, Object value) {
        return switch (value) {
            case String text -> text;
            case SafeText safe -> safe.text();
            case Undefined undefined -> "";
            default -> repr(execution, value);
        };
    }

    /** As a value is printed within a list. */
    static String repr(Execution execution, Object value) {
        Printer printer = new Printer(execution);
        printer.print(value);
        return printer.out.toString();
    }

    private void print(Object value) {
        execution.enter();
        int before = out.length();
        switch (value) {
            case None none -> out.append("None");
            case Boolean flag -> out.append(flag ? "True" : "False");
            case Long number -> out.append(number.longValue());
            case BigInteger number -> out.append(number);
            case Double number -> out.append(FloatText.of(number));
            case String text -> quote(text);
            case SafeText safe -> {
                out.append("Markup(");
                quote(safe.text());
                out.append(')');
            }
            case PyList list -> list(list);
            case PyDict dict -> dict(dict);
            case PyRange range -> range(range);
            case DictView view -> {
                out.append(Types.name(view)).append('(');
                list(PyList.list(view.list()));
                out.append(')');
            }
            case Undefined undefined -> out.append("Undefined");
            case Namespace namespace -> namespace(namespace);
            case Macro macro -> {
                out.append("<Macro ");
                quote(macro.name());
                out.append('>');
            }
            case LoopContext loop ->
                out.append("<LoopContext ")
                        .append(loop.index())
                        .append('/')
                        .append(loop.length())
                        .append('>');
            case Callable callable -> out.append(callable.described());
            case PyIterator iterator ->
                out.append('<').append(iterator.typeName()).append(" object>");
            default -> throw execution.error("a value of type '" + Types.name(value) + "' cannot be printed");
        }
        execution.chargeText(out.length() - before);
        execution.leave();
    }

    private void list(PyList list) {
        out.append(list.tuple() ? '(' : '[');
        separated(list.items());
        if (list.tuple() && list.size() == 1) {
            out.append(',');
        }
        out.append(list.tuple() ? ')' : ']');
    }

    private void separated(List<Object> items) {
        for (int i = 0; i < items.size(); i++) {
            if (i > 0) {
                out.append(", ");
            }
            print(items.get(i));
        }
    }

    private void dict(PyDict dict) {
        out.append('{');
        List<Object> keys = dict.keys();
        List<Object> values = dict.values();
        for (int i = 0; i < keys.size(); i++) {
            out.append(i > 0 ? ", " : "");
            print(keys.get(i));
            out.append(": ");
            print(values.get(i));
        }
        out.append('}');
    }

    private void namespace(Namespace namespace) {
        out.append("<Namespace ");
        PyDict attributes = new PyDict();
        for (Map.Entry<String, Object> attribute : namespace.attributes.entrySet()) {
            attributes.put(attribute.getKey(), attribute.getValue());
        }
        dict(attributes);
        out.append('>');
    }

    private void range(PyRange range) {
        out.append("range(").append(range.start()).append(", ").append(range.stop());
        if (range.step() != 1) {
            out.append(", ").append(range.step());
        }
        out.append(')');
    }

    private void quote(String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\\' -> out.append("\\\\");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(quote);
                    } else if (PyText.isPrintable(c)) {
                        out.appendCodePoint(c);
                    } else {
                        out.append(String.format(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
                    }
                }
            }
        }
        out.append(quote);
    }
}
