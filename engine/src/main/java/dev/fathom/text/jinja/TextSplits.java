package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The methods of Python's strings that cut them up. */
final class TextSplits {
    private TextSplits() {}

    /** {@code str.split} and {@code str.rsplit}. */
    static PyList split(Arguments arguments, String text, boolean fromRight) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind(fromRight ? "rsplit" : "split", 0, "sep", "maxsplit");
        String separator = bound.isSet(0) ? bound.text(0, "") : null;
        int most = bound.integer(1, -1);
        execution.chargeText(text.length());
        if (separator != null && separator.isEmpty()) {
            throw execution.error("empty separator");
        }
        return PyList.list(split(execution, text, separator, most < 0 ? Integer.MAX_VALUE : most, fromRight));
    }

    static List<Object> split(
            Execution execution, String text, @Nullable String separator, int most, boolean fromRight) {
        List<Object> parts;
        if (separator == null) {
            parts = fromRight ? blanksFromRight(text, most) : blanks(text, most);
        } else {
            parts = fromRight ? separatedFromRight(text, separator, most) : separated(text, separator, most);
        }
        execution.charge(parts.size());
        return parts;
    }

    private static List<Object> separated(String text, String separator, int most) {
        List<Object> parts = new ArrayList<>();
        int done = 0;
        int at = text.indexOf(separator);
        while (at >= 0 && parts.size() < most) {
            parts.add(text.substring(done, at));
            done = at + separator.length();
            at = text.indexOf(separator, done);
        }
        parts.add(text.substring(done));
        return parts;
    }

    private static List<Object> separatedFromRight(String text, String separator, int most) {
        List<Object> parts = new ArrayList<>();
        int end = text.length();
        int at = text.lastIndexOf(separator);
        while (at >= 0 && parts.size() < most) {
            parts.add(text.substring(at + separator.length(), end));
            end = at;
            at = end < separator.length() ? -1 : text.lastIndexOf(separator, end - separator.length());
        }
        parts.add(text.substring(0, end));
        Collections.reverse(parts);
        return parts;
    }

    private static List<Object> blanks(String text, int most) {
        List<Object> parts = new ArrayList<>();
        int at = 0;
        while (true) {
            while (at < text.length() && PyText.isSpace(text.charAt(at))) {
                at++;
            }
            if (at == text.length()) {
                return parts;
            }
            if (parts.size() == most) {
                parts.add(text.substring(at));
                return parts;
            }
            int end = at;
            while (end < text.length() && !PyText.isSpace(text.charAt(end))) {
                end++;
            }
            parts.add(text.substring(at, end));
            at = end;
        }
    }

    private static List<Object> blanksFromRight(String text, int most) {
        List<Object> parts = new ArrayList<>();
        int end = text.length();
        while (true) {
            while (end > 0 && PyText.isSpace(text.charAt(end - 1))) {
                end--;
            }
            if (end == 0) {
                break;
            }
            if (parts.size() == most) {
                parts.add(text.substring(0, end));
                break;
            }
            int at = end;
            while (at > 0 && !PyText.isSpace(text.charAt(at - 1))) {
                at--;
            }
            parts.add(text.substring(at, end));
            end = at;
        }
        Collections.reverse(parts);
        return parts;
    }

    /** {@code str.splitlines}. */
    static PyList lines(Arguments arguments, String text) {
        boolean keepEnds = arguments.bind("splitlines", 0, "keepends").flag(0, false);
        arguments.execution().chargeText(text.length());
        return PyList.list(lines(text, keepEnds));
    }

    static List<Object> lines(String text, boolean keepEnds) {
        List<Object> lines = new ArrayList<>();
        int start = 0;
        int at = 0;
        while (at < text.length()) {
            if (!PyText.isLineEnd(text.charAt(at))) {
                at++;
                continue;
            }
            int end = text.startsWith("\r\n", at) ? at + 2 : at + 1;
            lines.add(text.substring(start, keepEnds ? end : at));
            start = end;
            at = end;
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }

    /** {@code str.partition} and {@code str.rpartition}. */
    static PyList partition(Arguments arguments, String name, String text, boolean fromRight) {
        String separator = arguments.bind(name, 1, "sep").text(0, "");
        arguments.execution().chargeText(text.length());
        if (separator.isEmpty()) {
            throw arguments.execution().error("empty separator");
        }
        int at = fromRight ? text.lastIndexOf(separator) : text.indexOf(separator);
        if (at < 0) {
            return fromRight ? PyList.tuple("", "", text) : PyList.tuple(text, "", "");
        }
        return PyList.tuple(text.substring(0, at), separator, text.substring(at + separator.length()));
    }
}
