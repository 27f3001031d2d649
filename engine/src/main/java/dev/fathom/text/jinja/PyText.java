package dev.fathom.text.jinja;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Strings as Python sees them: sequences of code points, blanks by Unicode's definition. */
final class PyText {
    private PyText() {}

    /** {@code str.isspace} of one character; all of them lie in the basic plane. */
    static boolean isSpace(int c) {
        return (c >= 9 && c <= 13)
                || (c >= 0x1c && c <= 0x20)
                || c == 0x85
                || c == 0xa0
                || c == 0x1680
                || (c >= 0x2000 && c <= 0x200a)
                || c == 0x2028
                || c == 0x2029
                || c == 0x202f
                || c == 0x205f
                || c == 0x3000;
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** The index in chars of a code point's index, both from 0. */
    static int offset(String text, int codePoints) {
        return text.offsetByCodePoints(0, codePoints);
    }

    static boolean isStripped(int c, String chars) {
        return chars.indexOf(c) >= 0;
    }

    /**
     * Takes characters away from the ends.
     *
     * @param chars which, or null for blanks
     */
    static String strip(String text, @Nullable String chars, boolean left, boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && goes(text.codePointAt(from), chars)) {
            from += Character.charCount(text.codePointAt(from));
        }
        while (right && to > from && goes(text.codePointBefore(to), chars)) {
            to -= Character.charCount(text.codePointBefore(to));
        }
        return text.substring(from, to);
    }

    private static boolean goes(int c, @Nullable String chars) {
        return chars == null ? isSpace(c) : isStripped(c, chars);
    }

    static String reversed(String text) {
        return new StringBuilder(text).reverse().toString();
    }

    /** {@code str.capitalize}: the first character in title case, the others in lower case. */
    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return titleCase(text.codePointAt(0)) + lower(text.substring(first));
    }

    static String titleCase(int c) {
        int title = Character.toTitleCase(c);
        String upper = Character.toString(c).toUpperCase(Locale.ROOT);
        if (title == c && upper.codePointCount(0, upper.length()) > 1) {
            // As in "ß" to "Ss": the first of the expansion stays upper.
            int first = upper.offsetByCodePoints(0, 1);
            return upper.substring(0, first) + lower(upper.substring(first));
        }
        return Character.toString(title);
    }

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    /** Whether Python prints the character as it is within a quoted string. */
    static boolean isPrintable(int c) {
        if (c == ' ') {
            return true;
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }

    /** The line ends of {@code str.splitlines}. */
    static boolean isLineEnd(char c) {
        return c == '\n'
                || c == '\r'
                || c == 0x0b
                || c == 0x0c
                || (c >= 0x1c && c <= 0x1e)
                || c == 0x85
                || c == 0x2028
                || c == 0x2029;
    }
}
