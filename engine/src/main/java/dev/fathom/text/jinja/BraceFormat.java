package dev.fathom.text.jinja;

import java.util.List;
import java.util.Map;

/** {@code 'text {}'.format(values)}. */
final class BraceFormat {
    private final Execution execution;
    private final List<Object> positional;
    private final Map<String, Object> named;
    private int automatic;
    private boolean numbered;

    private BraceFormat(Arguments arguments) {
        this.execution = arguments.execution();
        this.positional = arguments.positional();
        this.named = arguments.named();
    }

    static String format(String format, Arguments arguments) {
        BraceFormat run = new BraceFormat(arguments);
        return arguments.execution().text(run.expanded(format, 0));
    }

    private String expanded(String format, int depth) {
        if (depth > 1) {
            throw execution.error("Max string recursion exceeded");
        }
        StringBuilder out = new StringBuilder();
        int at = 0;
        while (at < format.length()) {
            char c = format.charAt(at++);
            if (c != '{' && c != '}') {
                out.append(c);
            } else if (at < format.length() && format.charAt(at) == c) {
                out.append(c);
                at++;
            } else if (c == '}') {
                throw execution.error("Single '}' encountered in format string");
            } else {
                int end = fieldEnd(format, at);
                out.append(field(format.substring(at, end), depth));
                at = end + 1;
            }
        }
        return out.toString();
    }

    private int fieldEnd(String format, int from) {
        int open = 1;
        for (int at = from; at < format.length(); at++) {
            char c = format.charAt(at);
            open += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (open == 0) {
                return at;
            }
        }
        throw execution.error("expected '}' before end of string");
    }

    private String field(String field, int depth) {
        int nameEnd = 0;
        boolean bracket = false;
        while (nameEnd < field.length() && (bracket || "!:".indexOf(field.charAt(nameEnd)) < 0)) {
            bracket = field.charAt(nameEnd) == '[' || (bracket && field.charAt(nameEnd) != ']');
            nameEnd++;
        }
        Object value = value(field.substring(0, nameEnd));
        int at = nameEnd;
        if (at < field.length() && field.charAt(at) == '!') {
            if (at + 1 >= field.length()) {
                throw execution.error("end of string while looking for conversion specifier");
            }
            value = converted(value, field.charAt(at + 1));
            at += 2;
            if (at < field.length() && field.charAt(at) != ':') {
                throw execution.error("expected ':' after conversion specifier");
            }
        }
        String spec = at < field.length() ? expanded(field.substring(at + 1), depth + 1) : "";
        return FormatSpec.parse(execution, spec).format(execution, value);
    }

    private Object converted(Object value, char conversion) {
        return switch (conversion) {
            case 's' -> Printer.text(execution, value);
            case 'r' -> Printer.repr(execution, value);
            case 'a' -> ascii(Printer.repr(execution, value));
            default -> throw execution.error("Unknown conversion specifier " + conversion);
        };
    }

    private Object value(String name) {
        int end = 0;
        while (end < name.length() && ".[".indexOf(name.charAt(end)) < 0) {
            end++;
        }
        Object value = first(name.substring(0, end));
        while (end < name.length()) {
            int start = end + 1;
            if (name.charAt(end) == '[') {
                int close = name.indexOf(']', start);
                if (close < 0) {
                    throw execution.error("Missing ']' in format string");
                }
                String key = name.substring(start, close);
                Object index = key.matches("[0-9]{1,9}") ? (Object) Long.valueOf(key) : key;
                value = Attributes.subscripted(execution, value, index);
                end = close + 1;
            } else {
                end = start;
                while (end < name.length() && ".[".indexOf(name.charAt(end)) < 0) {
                    end++;
                }
                value = Attributes.dotted(execution, value, name.substring(start, end));
            }
        }
        return value;
    }

    private Object first(String name) {
        if (!name.isEmpty() && !name.matches("[0-9]{1,9}")) {
            Object value = named.get(name);
            if (value == null) {
                throw execution.error("KeyError: '" + name + "'");
            }
            return value;
        }
        if (name.isEmpty() ? numbered : automatic > 0) {
            throw execution.error("cannot switch between automatic field numbering and manual field specification");
        }
        int index = name.isEmpty() ? automatic++ : Integer.parseInt(name);
        numbered |= !name.isEmpty();
        if (index >= positional.size()) {
            throw execution.error("Replacement index " + index + " out of range for positional args tuple");
        }
        return positional.get(index);
    }

    /** Characters beyond ASCII as escapes, as Python's {@code ascii} writes a representation. */
    static String ascii(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            if (c < 0x80) {
                out.append((char) c);
            } else {
                out.append(String.format(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
            }
        });
        return out.toString();
    }
}
