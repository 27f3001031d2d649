package dev.fathom.text.jinja;

/** The escapes of Python's string literals. */
final class Unescape {
    private Unescape() {}

    /** The value of {@code source[from, to)}, the inside of a string literal. */
    static String python(String source, int from, int to) {
        if (source.indexOf('\\', from) < 0 || source.indexOf('\\', from) >= to) {
            return source.substring(from, to);
        }
        StringBuilder out = new StringBuilder(to - from);
        int at = from;
        while (at < to) {
            char c = source.charAt(at++);
            if (c == '\\') {
                at = escape(source, at, to, out);
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    private static int escape(String source, int at, int to, StringBuilder out) {
        char c = source.charAt(at);
        switch (c) {
            case '\n' -> {}
            case '\\', '\'', '"' -> out.append(c);
            case 'a' -> out.append('\u0007');
            case 'b' -> out.append('\b');
            case 'f' -> out.append('\f');
            case 'n' -> out.append('\n');
            case 'r' -> out.append('\r');
            case 't' -> out.append('\t');
            case 'v' -> out.append('\u000b');
            case 'x' -> {
                return hex(source, at, to, 2, out);
            }
            case 'u' -> {
                return hex(source, at, to, 4, out);
            }
            case 'U' -> {
                return hex(source, at, to, 8, out);
            }
            case 'N' -> {
                return named(source, at, to, out);
            }
            default -> {
                return c >= '0' && c <= '7' ? octal(source, at, to, out) : unknown(source, at, out);
            }
        }
        return at + 1;
    }

    private static int hex(String source, int at, int to, int digits, StringBuilder out) {
        int end = at + 1 + digits;
        if (end > to || !source.substring(at + 1, end).chars().allMatch(c -> Character.digit(c, 16) >= 0 && c < 128)) {
            throw JinjaException.at(source, at - 1, "an escape that lacks its " + digits + " hexadecimal digits");
        }
        long value = Long.parseLong(source, at + 1, end, 16);
        if (value > Character.MAX_CODE_POINT) {
            throw JinjaException.at(source, at - 1, "an escape beyond the last code point");
        }
        out.appendCodePoint((int) value);
        return end;
    }

    private static int octal(String source, int at, int to, StringBuilder out) {
        int value = 0;
        int end = at;
        while (end < to && end < at + 3 && source.charAt(end) >= '0' && source.charAt(end) <= '7') {
            value = value * 8 + source.charAt(end++) - '0';
        }
        out.append((char) value);
        return end;
    }

    private static int named(String source, int at, int to, StringBuilder out) {
        int end = source.indexOf('}', at);
        if (!source.startsWith("{", at + 1) || end < 0 || end >= to) {
            throw JinjaException.at(source, at - 1, "an escape that lacks its character name");
        }
        try {
            out.appendCodePoint(Character.codePointOf(source.substring(at + 2, end)));
        } catch (IllegalArgumentException e) {
            throw JinjaException.at(source, at - 1, "an escape with an unknown character name");
        }
        return end + 1;
    }

    /** Python keeps the backslash, and spells out a character beyond ASCII behind it. */
    private static int unknown(String source, int at, StringBuilder out) {
        int c = source.codePointAt(at);
        out.append('\\');
        if (c < 0x80) {
            out.append((char) c);
        } else {
            out.append(String.format(c < 0x100 ? "x%02x" : c < 0x10000 ? "u%04x" : "U%08x", c));
        }
        return at + Character.charCount(c);
    }
}
