package dev.fathom.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** The methods of Python's strings. */
final class TextMethods {
    private TextMethods() {}

    /** The method of that name; null when strings have none. */
    static @Nullable BoundMethod find(String text, String name) {
        Callable body = switch (name) {
            case "upper" -> plain(name, text, PyText::upper);
            case "lower", "casefold" -> plain(name, text, PyText::lower);
            case "capitalize" -> plain(name, text, PyText::capitalize);
            case "title" -> plain(name, text, TextMethods::title);
            case "swapcase" -> plain(name, text, TextMethods::swapCase);
            case "strip" -> strip(name, text, true, true);
            case "lstrip" -> strip(name, text, true, false);
            case "rstrip" -> strip(name, text, false, true);
            case "startswith" -> arguments -> affix(arguments, name, text, true);
            case "endswith" -> arguments -> affix(arguments, name, text, false);
            case "removeprefix" ->
                arguments -> {
                    String prefix = one(arguments, name);
                    return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
                };
            case "removesuffix" ->
                arguments -> {
                    String suffix = one(arguments, name);
                    return text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
                };
            case "split" -> arguments -> TextSplits.split(arguments, text, false);
            case "rsplit" -> arguments -> TextSplits.split(arguments, text, true);
            case "splitlines" -> arguments -> TextSplits.lines(arguments, text);
            case "partition" -> arguments -> TextSplits.partition(arguments, name, text, false);
            case "rpartition" -> arguments -> TextSplits.partition(arguments, name, text, true);
            case "replace" -> arguments -> replace(arguments, text);
            case "join" -> arguments -> join(arguments, text);
            case "find", "rfind", "index", "rindex" -> arguments -> find(arguments, name, text);
            case "count" -> arguments -> count(arguments, text);
            case "center", "ljust", "rjust" -> arguments -> pad(arguments, name, text);
            case "zfill" -> arguments -> zeros(arguments, text);
            case "expandtabs" -> arguments -> expandTabs(arguments, text);
            case "format" -> arguments -> BraceFormat.format(text, arguments);
            default -> predicate(name, text);
        };
        return body == null ? null : new BoundMethod(name, text, body);
    }

    private interface Change {
        String of(String text);
    }

    private static Callable plain(String name, String text, Change change) {
        return arguments -> {
            arguments.bind(name, 0);
            arguments.execution().chargeText(text.length());
            return change.of(text);
        };
    }

    private static String one(Arguments arguments, String name) {
        return arguments.bind(name, 1, "argument").text(0, "");
    }

    private static Callable strip(String name, String text, boolean left, boolean right) {
        return arguments -> {
            Arguments.Bound bound = arguments.bind(name, 0, "chars");
            arguments.execution().chargeText(text.length());
            return PyText.strip(text, bound.isSet(0) ? bound.text(0, "") : null, left, right);
        };
    }

    private static Object affix(Arguments arguments, String name, String text, boolean start) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind(name, 1, "prefix", "start", "end");
        String part = range(execution, text, bound);
        Object wanted = bound.required(0);
        List<Object> any = wanted instanceof PyList list && list.tuple() ? list.items() : List.of(wanted);
        for (Object each : any) {
            String affix = Types.textOrNull(each);
            if (affix == null) {
                throw execution.error(name + " first arg must be str or a tuple of str, not " + Types.name(each));
            }
            if (part != null && (start ? part.startsWith(affix) : part.endsWith(affix))) {
                return true;
            }
        }
        return false;
    }

    /** The part between the optional bounds at 1 and 2; null when they leave less than nothing. */
    private static @Nullable String range(Execution execution, String text, Arguments.Bound bound) {
        if (!bound.isSet(1) && !bound.isSet(2)) {
            return text;
        }
        execution.chargeText(text.length());
        int size = PyText.length(text);
        int from = clamp(bound.isSet(1) ? bound.integer(1, 0) : 0, size);
        int to = clamp(bound.isSet(2) ? bound.integer(2, size) : size, size);
        return from > to ? null : text.substring(PyText.offset(text, Math.min(from, size)), PyText.offset(text, to));
    }

    private static int clamp(int index, int size) {
        // A start beyond the end stays beyond it: there even an empty text is not found.
        return index < 0 ? Math.max(index + size, 0) : Math.min(index, size + 1);
    }

    private static Object find(Arguments arguments, String name, String text) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind(name, 1, "sub", "start", "end");
        String wanted = bound.text(0, "");
        int size = PyText.length(text);
        execution.chargeText(text.length());
        int from = clamp(bound.isSet(1) ? bound.integer(1, 0) : 0, size);
        int to = Math.min(clamp(bound.isSet(2) ? bound.integer(2, size) : size, size), size);
        int found = -1;
        if (from <= to) {
            int begin = PyText.offset(text, from);
            String part = text.substring(begin, PyText.offset(text, to));
            int at = name.startsWith("r") ? part.lastIndexOf(wanted) : part.indexOf(wanted);
            found = at < 0 ? -1 : from + part.codePointCount(0, at);
        }
        if (found < 0 && name.endsWith("index")) {
            throw execution.error("substring not found");
        }
        return (long) found;
    }

    private static Object count(Arguments arguments, String text) {
        Arguments.Bound bound = arguments.bind("count", 1, "sub", "start", "end");
        String wanted = bound.text(0, "");
        String part = range(arguments.execution(), text, bound);
        if (part == null) {
            return 0L;
        }
        arguments.execution().chargeText(part.length());
        if (wanted.isEmpty()) {
            return (long) PyText.length(part) + 1;
        }
        long count = 0;
        for (int at = part.indexOf(wanted); at >= 0; at = part.indexOf(wanted, at + wanted.length())) {
            count++;
        }
        return count;
    }

    private static Object replace(Arguments arguments, String text) {
        Arguments.Bound bound = arguments.bind("replace", 2, "old", "new", "count");
        return replace(arguments.execution(), text, bound.text(0, ""), bound.text(1, ""), bound.integer(2, -1));
    }

    /** @param count the most replacements; negative for all */
    static String replace(Execution execution, String text, String old, String with, int count) {
        execution.chargeText(text.length());
        StringBuilder out = new StringBuilder();
        int done = 0;
        int at = text.indexOf(old);
        for (int replaced = 0; at >= 0 && (count < 0 || replaced < count); replaced++) {
            out.append(text, done, at).append(with);
            execution.chargeText(with.length());
            done = at + old.length();
            if (!old.isEmpty()) {
                at = text.indexOf(old, done);
            } else if (at < text.length()) {
                at += Character.charCount(text.codePointAt(at));
            } else {
                break;
            }
        }
        return out.append(text, done, text.length()).toString();
    }

    private static Object join(Arguments arguments, String separator) {
        Execution execution = arguments.execution();
        List<Object> items =
                Values.list(execution, arguments.bind("join", 1, "iterable").required(0));
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
            String item = Types.textOrNull(items.get(i));
            if (item == null) {
                throw execution.error(
                        "sequence item " + i + ": expected str instance, " + Types.name(items.get(i)) + " found");
            }
            execution.chargeText((long) separator.length() + item.length());
            out.append(i == 0 ? "" : separator).append(item);
        }
        return out.toString();
    }

    private static Object pad(Arguments arguments, String name, String text) {
        Arguments.Bound bound = arguments.bind(name, 1, "width", "fillchar");
        String fill = bound.text(1, " ");
        if (PyText.length(fill) != 1) {
            throw arguments.execution().error("The fill character must be exactly one character long");
        }
        return pad(arguments.execution(), text, bound.integer(0, 0), fill, name);
    }

    /** @param how {@code center}, {@code ljust} or {@code rjust} */
    static String pad(Execution execution, String text, int width, String fill, String how) {
        int missing = width - PyText.length(text);
        if (missing <= 0) {
            return text;
        }
        execution.chargeText(missing);
        int left = switch (how) {
            case "ljust" -> 0;
            case "rjust" -> missing;
            // Python's own rounding of the odd one.
            default -> missing / 2 + (missing & width & 1);
        };
        return fill.repeat(left) + text + fill.repeat(missing - left);
    }

    private static Object zeros(Arguments arguments, String text) {
        int missing = arguments.bind("zfill", 1, "width").integer(0, 0) - PyText.length(text);
        if (missing <= 0) {
            return text;
        }
        arguments.execution().chargeText(missing);
        boolean signed = text.startsWith("+") || text.startsWith("-");
        return signed ? text.charAt(0) + "0".repeat(missing) + text.substring(1) : "0".repeat(missing) + text;
    }

    private static Object expandTabs(Arguments arguments, String text) {
        int size = arguments.bind("expandtabs", 0, "tabsize").integer(0, 8);
        StringBuilder out = new StringBuilder();
        int column = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\t') {
                int blanks = size > 0 ? size - column % size : 0;
                arguments.execution().chargeText(blanks);
                out.append(" ".repeat(blanks));
                column += blanks;
            } else {
                out.append(c);
                column = c == '\n' || c == '\r' ? 0 : column + (Character.isLowSurrogate(c) ? 0 : 1);
            }
        }
        return out.toString();
    }

    private static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            boolean cased = isCased(c);
            if (cased) {
                out.append(inWord ? PyText.lower(Character.toString(c)) : PyText.titleCase(c));
            } else {
                out.appendCodePoint(c);
            }
            inWord = cased;
        }
        return out.toString();
    }

    private static String swapCase(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int c : text.codePoints().toArray()) {
            String one = Character.toString(c);
            out.append(
                    Character.isUpperCase(c) ? PyText.lower(one) : Character.isLowerCase(c) ? PyText.upper(one) : one);
        }
        return out.toString();
    }

    private static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    private static @Nullable Callable predicate(String name, String text) {
        IntPredicate each = switch (name) {
            case "isspace" -> PyText::isSpace;
            case "isalpha" -> Character::isLetter;
            case "isdecimal" -> c -> Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER;
            case "isdigit" -> TextMethods::isDigit;
            case "isnumeric" -> TextMethods::isNumeric;
            case "isalnum" -> c -> Character.isLetter(c) || isNumeric(c);
            case "isprintable", "isascii", "islower", "isupper", "istitle", "isidentifier" -> c -> true;
            default -> null;
        };
        if (each == null) {
            return null;
        }
        return arguments -> {
            arguments.bind(name, 0);
            arguments.execution().chargeText(text.length());
            return switch (name) {
                case "isprintable" -> text.codePoints().allMatch(PyText::isPrintable);
                case "isascii" -> text.chars().allMatch(c -> c < 128);
                case "islower" -> isLower(text);
                case "isupper" -> isUpper(text);
                case "istitle" ->
                    !title(text).isEmpty() && hasCased(text) && title(text).equals(text);
                case "isidentifier" -> isIdentifier(text);
                default -> !text.isEmpty() && text.codePoints().allMatch(each);
            };
        };
    }

    private static boolean hasCased(String text) {
        return text.codePoints().anyMatch(TextMethods::isCased);
    }

    static boolean isLower(String text) {
        return hasCased(text) && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }

    static boolean isUpper(String text) {
        return hasCased(text) && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    private static boolean isIdentifier(String text) {
        int[] characters = text.codePoints().toArray();
        for (int i = 0; i < characters.length; i++) {
            boolean fits = characters[i] == '_'
                    || (i == 0
                            ? Character.isUnicodeIdentifierStart(characters[i])
                            : Character.isUnicodeIdentifierPart(characters[i])
                                    && !Character.isIdentifierIgnorable(characters[i]));
            if (!fits) {
                return false;
            }
        }
        return characters.length > 0;
    }

    private static boolean isDigit(int c) {
        return Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER
                || c == 0xb2
                || c == 0xb3
                || c == 0xb9
                || c == 0x2070
                || (c >= 0x2074 && c <= 0x2079)
                || (c >= 0x2080 && c <= 0x2089)
                || (c >= 0x2460 && c <= 0x2468);
    }

    private static boolean isNumeric(int c) {
        int type = Character.getType(c);
        return type == Character.DECIMAL_DIGIT_NUMBER
                || type == Character.LETTER_NUMBER
                || type == Character.OTHER_NUMBER
                || "一二三四五六七八九十百千万億兆〇零壱弐参".indexOf(c) >= 0;
    }

    /** For filters: the characters of a value as a template prints it. */
    static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        int start = -1;
        for (int i = 0; i <= text.length(); ) {
            int c = i < text.length() ? text.codePointAt(i) : ' ';
            boolean word = c == '_' || Character.isLetter(c) || isNumeric(c);
            if (word && start < 0) {
                start = i;
            } else if (!word && start >= 0) {
                words.add(text.substring(start, i));
                start = -1;
            }
            i += Character.charCount(c);
        }
        return words;
    }
}
