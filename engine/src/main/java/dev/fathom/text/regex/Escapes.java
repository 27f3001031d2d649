package dev.fathom.text.regex;

import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** The escapes that mean the same inside and outside of a character class. */
final class Escapes {
    private Escapes() {}

    /**
     * What an escape stands for.
     *
     * @param set the set it names, or null when it is one code point
     * @param end the index after it
     */
    record Value(@Nullable IntPredicate set, int codePoint, int end) {}

    /** Reads the escape whose letter is at {@code at}; null when it is not known. */
    static @Nullable Value read(String pattern, int at) {
        int c = pattern.codePointAt(at);
        int end = at + Character.charCount(c);
        return switch (c) {
            case 's' -> set(Properties.SPACE, end);
            case 'S' -> set(Properties.SPACE.negate(), end);
            case 'd' -> set(Properties.DIGIT, end);
            case 'D' -> set(Properties.DIGIT.negate(), end);
            case 'w' -> set(Properties.WORD, end);
            case 'W' -> set(Properties.WORD.negate(), end);
            case 'h' -> set(Properties.HEX, end);
            case 'H' -> set(Properties.HEX.negate(), end);
            case 'p' -> property(pattern, end, false);
            case 'P' -> property(pattern, end, true);
            case 't' -> one('\t', end);
            case 'n' -> one('\n', end);
            case 'r' -> one('\r', end);
            case 'f' -> one('\f', end);
            case 'v' -> one(0x0b, end);
            case 'a' -> one(0x07, end);
            case 'e' -> one(0x1b, end);
            case '0' -> end < pattern.length() && Character.isDigit(pattern.charAt(end)) ? null : one(0, end);
            case 'u' -> hex(pattern, end, 4);
            case 'x' -> pattern.startsWith("{", end) ? braced(pattern, end) : hex(pattern, end, 2);
            default -> Character.isLetterOrDigit(c) ? null : one(c, end);
        };
    }

    private static Value set(IntPredicate set, int end) {
        return new Value(set, -1, end);
    }

    private static Value one(int codePoint, int end) {
        return new Value(null, codePoint, end);
    }

    private static Value property(String pattern, int at, boolean negated) {
        int end = pattern.indexOf('}', at);
        if (!pattern.startsWith("{", at) || end < 0) {
            throw RegexException.at(pattern, at, "a property name in braces is missing");
        }
        String name = pattern.substring(at + 1, end);
        boolean caret = name.startsWith("^");
        IntPredicate set = Properties.named(caret ? name.substring(1) : name);
        if (set == null) {
            throw RegexException.at(pattern, at, "the character property '" + name + "' is not known");
        }
        return set(negated != caret ? set.negate() : set, end + 1);
    }

    private static @Nullable Value hex(String pattern, int at, int digits) {
        int end = at;
        while (end < pattern.length() && end < at + digits && Properties.HEX.test(pattern.charAt(end))) {
            end++;
        }
        if (digits == 4 ? end != at + 4 : end == at) {
            throw RegexException.at(pattern, at, digits + " hexadecimal digits are missing");
        }
        int value = Integer.parseInt(pattern, at, end, 16);
        // Above 7f the two-digit form names a raw byte of UTF-8, not a character.
        return digits == 2 && value > 0x7f ? null : one(value, end);
    }

    private static Value braced(String pattern, int at) {
        int end = pattern.indexOf('}', at);
        int digits = end - at - 1;
        if (digits < 1 || digits > 8 || !pattern.substring(at + 1, end).chars().allMatch(Properties.HEX)) {
            throw RegexException.at(pattern, at, "a hexadecimal code point in braces is missing");
        }
        long value = Long.parseLong(pattern, at + 1, end, 16);
        if (value > Character.MAX_CODE_POINT) {
            throw RegexException.at(pattern, at, "a code point above 10ffff");
        }
        return one((int) value, end + 1);
    }
}
