package dev.fathom.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** JSON as Python's {@code json.dumps} writes it. */
final class JsonWriter {
    /**
     * @param indent null for one line
     */
    record Style(
            boolean asciiOnly, @Nullable String indent, String itemSeparator, String keySeparator, boolean sortKeys) {}

    private final Execution execution;
    private final Style style;
    private final StringBuilder out = new StringBuilder();
    private int level;

    private JsonWriter(Execution execution, Style style) {
        this.execution = execution;
        this.style = style;
    }

    static String write(Execution execution, Object value, Style style) {
        JsonWriter writer = new JsonWriter(execution, style);
        writer.value(value);
        return writer.out.toString();
    }

    private void value(Object value) {
        execution.enter();
        execution.charge(1);
        String scalar = scalar(value);
        if (scalar != null) {
            out.append(scalar);
        } else if (Types.isText(value)) {
            string(Printer.text(execution, value));
        } else if (value instanceof PyList list) {
            list(list);
        } else if (value instanceof PyDict dict) {
            dict(dict);
        } else {
            throw execution.error("Object of type " + Types.name(value) + " is not JSON serializable");
        }
        execution.leave();
    }

    private static @Nullable String scalar(Object value) {
        return switch (value) {
            case None none -> "null";
            case Boolean flag -> flag ? "true" : "false";
            case Long number -> number.toString();
            case BigInteger number -> number.toString();
            case Double number ->
                Double.isNaN(number)
                        ? "NaN"
                        : Double.isInfinite(number) ? number > 0 ? "Infinity" : "-Infinity" : FloatText.of(number);
            default -> null;
        };
    }

    private void list(PyList list) {
        if (list.size() == 0) {
            out.append("[]");
            return;
        }
        out.append('[');
        level++;
        for (int i = 0; i < list.size(); i++) {
            separate(i);
            value(list.items().get(i));
        }
        level--;
        lineBreak();
        out.append(']');
    }

    private record Pair(Object key, Object value) {}

    private void dict(PyDict dict) {
        if (dict.size() == 0) {
            out.append("{}");
            return;
        }
        List<Pair> pairs = new ArrayList<>();
        List<Object> values = dict.values();
        for (Object key : dict.keys()) {
            pairs.add(new Pair(key, values.get(pairs.size())));
        }
        if (style.sortKeys()) {
            execution.charge(pairs.size());
            Comparator<Pair> order = (a, b) -> Values.compare(execution, "<", a.key(), b.key());
            pairs.sort(order);
        }
        out.append('{');
        level++;
        for (int i = 0; i < pairs.size(); i++) {
            separate(i);
            string(key(pairs.get(i).key()));
            out.append(style.keySeparator());
            value(pairs.get(i).value());
        }
        level--;
        lineBreak();
        out.append('}');
    }

    private String key(Object key) {
        String scalar = Types.isText(key) ? Printer.text(execution, key) : scalar(key);
        if (scalar == null) {
            throw execution.error("keys must be str, int, float, bool or None, not " + Types.name(key));
        }
        return scalar;
    }

    private void separate(int index) {
        if (index > 0) {
            out.append(style.itemSeparator());
        }
        lineBreak();
    }

    private void lineBreak() {
        if (style.indent() != null) {
            execution.chargeText((long) level * style.indent().length());
            out.append('\n').append(style.indent().repeat(level));
        }
    }

    private void string(String text) {
        execution.chargeText(text.length());
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\f' -> out.append("\\f");
                case '\b' -> out.append("\\b");
                default -> {
                    if (c < 0x20 || (style.asciiOnly() && c > 0x7e)) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
