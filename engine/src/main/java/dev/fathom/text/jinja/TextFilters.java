package dev.fathom.text.jinja;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Filters on strings. */
final class TextFilters {
    private TextFilters() {}

    static void register(Map<String, Filters.Filter> filters) {
        filters.put("upper", (value, arguments) -> PyText.upper(text(value, arguments, "upper")));
        filters.put("lower", (value, arguments) -> PyText.lower(text(value, arguments, "lower")));
        filters.put("capitalize", (value, arguments) -> PyText.capitalize(text(value, arguments, "capitalize")));
        filters.put("title", (value, arguments) -> title(text(value, arguments, "title")));
        filters.put("trim", TextFilters::trim);
        filters.put("replace", TextFilters::replace);
        filters.put("string", (value, arguments) -> {
            arguments.bind("string", 0);
            return value instanceof SafeText ? value : Printer.text(arguments.execution(), value);
        });
        filters.put("center", (value, arguments) -> {
            int width = arguments.bind("center", 0, "width").integer(0, 80);
            return TextMethods.pad(arguments.execution(), printed(value, arguments), width, " ", "center");
        });
        filters.put("indent", TextFilters::indent);
        filters.put("truncate", TextFilters::truncate);
        filters.put("wordcount", (value, arguments) ->
                (long) TextMethods.words(text(value, arguments, "wordcount")).size());
        filters.put("format", TextFilters::format);
        filters.put("safe", (value, arguments) -> new SafeText(text(value, arguments, "safe")));
        filters.put("escape", TextFilters::escape);
        filters.put("e", TextFilters::escape);
        filters.put("forceescape", (value, arguments) -> SafeText.escape(text(value, arguments, "forceescape")));
        filters.put("urlencode", TextFilters::urlEncode);
        filters.put("tojson", TextFilters::toJson);
    }

    /** The value as printed; the filter takes no arguments. */
    private static String text(Object value, Arguments arguments, String name) {
        arguments.bind(name, 0);
        return printed(value, arguments);
    }

    private static String printed(Object value, Arguments arguments) {
        return arguments.execution().text(Printer.text(arguments.execution(), value));
    }

    private static Object trim(Object value, Arguments arguments) {
        Arguments.Bound bound = arguments.bind("trim", 0, "chars");
        return PyText.strip(printed(value, arguments), bound.isSet(0) ? bound.text(0, "") : null, true, true);
    }

    private static Object replace(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("replace", 2, "old", "new", "count");
        String old = Printer.text(execution, bound.required(0));
        String with = Printer.text(execution, bound.required(1));
        int count = bound.isSet(2) ? bound.integer(2, -1) : -1;
        return TextMethods.replace(execution, Printer.text(execution, value), old, with, count);
    }

    /** Words begin behind blanks, hyphens and opening brackets. */
    private static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean wordStart = true;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            boolean separator = PyText.isSpace(c) || "-({[<".indexOf(c) >= 0;
            String one = Character.toString(c);
            out.append(wordStart ? PyText.upper(one) : PyText.lower(one));
            wordStart = separator;
        }
        return out.toString();
    }

    private static Object indent(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("indent", 0, "width", "first", "blank");
        Operators.refuseUndefined(execution, value);
        Operators.refuseSafe(execution, value, "indent");
        if (!(value instanceof String text)) {
            throw execution.error("indent needs a string, not " + Types.name(value));
        }
        Object width = bound.value(0, 4L);
        String indentation = Types.isText(width)
                ? Printer.text(execution, width)
                : " ".repeat(Math.clamp(bound.integer(0, 4), 0, NumberFormat.MAX_DIGITS));
        boolean blank = bound.flag(2, false);
        List<Object> lines = TextSplits.lines(text + "\n", false);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.size(); i++) {
            String line = (String) lines.get(i);
            execution.chargeText((long) line.length() + indentation.length());
            boolean indented = i == 0 ? bound.flag(1, false) : blank || !line.isEmpty();
            out.append(i > 0 ? "\n" : "").append(indented ? indentation : "").append(line);
        }
        return out.toString();
    }

    private static Object truncate(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("truncate", 0, "length", "killwords", "end", "leeway");
        int length = bound.integer(0, 255);
        String end = bound.text(2, "...");
        int leeway = bound.isSet(3) ? bound.integer(3, 5) : 5;
        if (length < PyText.length(end) || leeway < 0) {
            throw execution.error("truncate needs a length of at least its end's, and no negative leeway");
        }
        String text = Types.textOrNull(value);
        if (text == null) {
            // As Python: whatever is short enough is left as it is, and nothing else has a length to cut.
            if (Values.length(execution, value) <= (long) length + leeway) {
                return value;
            }
            throw execution.error("truncate needs a string, not " + Types.name(value));
        }
        execution.chargeText(text.length());
        if (PyText.length(text) <= (long) length + leeway) {
            return value;
        }
        String kept = text.substring(0, PyText.offset(text, length - PyText.length(end)));
        if (!bound.flag(1, false)) {
            int blank = kept.lastIndexOf(' ');
            kept = blank < 0 ? kept : kept.substring(0, blank);
        }
        return kept + end;
    }

    private static Object format(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
            throw execution.error("can't handle positional and keyword arguments at the same time");
        }
        Object values = new PyList(arguments.positional(), true);
        if (!arguments.named().isEmpty()) {
            PyDict dict = new PyDict();
            arguments.named().forEach(dict::put);
            values = dict;
        }
        return PercentFormat.apply(execution, Printer.text(execution, value), values);
    }

    private static Object escape(Object value, Arguments arguments) {
        arguments.bind("escape", 0);
        return value instanceof SafeText ? value : SafeText.escape(printed(value, arguments));
    }

    private static Object urlEncode(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        arguments.bind("urlencode", 0);
        if (Types.isText(value) || Values.iteratorOrNull(execution, value) == null) {
            return quoted(execution, value, "/");
        }
        List<Object> pairs = value instanceof PyDict dict ? dict.items() : Values.list(execution, value);
        List<String> parts = new ArrayList<>();
        for (Object pair : pairs) {
            List<Object> both = Values.list(execution, pair);
            if (both.size() != 2) {
                throw execution.error("urlencode needs pairs");
            }
            String text = quoted(execution, both.get(0), "") + "=" + quoted(execution, both.get(1), "");
            parts.add(text.replace("%20", "+"));
        }
        return String.join("&", parts);
    }

    private static String quoted(Execution execution, Object value, String safe) {
        String text = execution.text(Printer.text(execution, value));
        StringBuilder out = new StringBuilder();
        for (byte signed : text.getBytes(StandardCharsets.UTF_8)) {
            int c = signed & 0xff;
            boolean plain = (c >= '0' && c <= '9')
                    || (c >= 'a' && c <= 'z')
                    || (c >= 'A' && c <= 'Z')
                    || "_.-~".indexOf(c) >= 0;
            if (plain || safe.indexOf(c) >= 0) {
                out.append((char) c);
            } else {
                out.append(String.format("%%%02X", c));
            }
        }
        return out.toString();
    }

    /** As transformers defines it: without HTML escapes, in the order of the keys, characters as they are. */
    private static Object toJson(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        String indent = null;
        if (bound.isSet(1)) {
            Object given = bound.required(1);
            indent = Types.isText(given)
                    ? Printer.text(execution, given)
                    : " ".repeat(Math.clamp(bound.integer(1, 0), 0, NumberFormat.MAX_DIGITS));
        }
        String itemSeparator = indent == null ? ", " : ",";
        String keySeparator = ": ";
        if (bound.isSet(2)) {
            List<Object> both = Values.list(execution, bound.required(2));
            if (both.size() != 2 || !Types.isText(both.get(0)) || !Types.isText(both.get(1))) {
                throw execution.error("tojson: separators must be two strings");
            }
            itemSeparator = Printer.text(execution, both.get(0));
            keySeparator = Printer.text(execution, both.get(1));
        }
        JsonWriter.Style style =
                new JsonWriter.Style(bound.flag(0, false), indent, itemSeparator, keySeparator, bound.flag(3, false));
        return JsonWriter.write(execution, value, style);
    }
}
