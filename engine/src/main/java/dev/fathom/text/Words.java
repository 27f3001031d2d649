package dev.fathom.text;

/** Word characters and blanks around a place in a text, by Unicode's definitions. */
final class Words {
    private Words() {}

    static boolean endsWithWord(String text, int end) {
        return end > 0 && isWord(text.codePointBefore(end));
    }

    static boolean beginsWithWord(String text, int start) {
        return start < text.length() && isWord(text.codePointAt(start));
    }

    /** The beginning of the blanks that end at {@code end}. */
    static int blanksBefore(String text, int end) {
        int at = end;
        while (at > 0 && isBlank(text.charAt(at - 1))) {
            at--;
        }
        return at;
    }

    /** The end of the blanks that begin at {@code start}. */
    static int blanksBehind(String text, int start) {
        int at = start;
        while (at < text.length() && isBlank(text.charAt(at))) {
            at++;
        }
        return at;
    }

    /** The property White_Space; all of it lies in the basic plane. */
    private static boolean isBlank(char c) {
        return (c >= 9 && c <= 13) || c == 0x85 || Character.isSpaceChar(c);
    }

    private static boolean isWord(int c) {
        int type = Character.getType(c);
        return Character.isAlphabetic(c)
                || type == Character.NON_SPACING_MARK
                || type == Character.ENCLOSING_MARK
                || type == Character.COMBINING_SPACING_MARK
                || type == Character.DECIMAL_DIGIT_NUMBER
                || type == Character.CONNECTOR_PUNCTUATION
                || c == 0x200c
                || c == 0x200d;
    }
}
