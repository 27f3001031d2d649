package dev.fathom.text.answer;

/**
 * Finds the first occurrence of a mark in a text that comes character by character, and holds back what may be its
 * beginning.
 */
final class UntilMark {
    private final String mark;
    /** Knuth, Morris and Pratt's table: for each length of a partial match the longest shorter one it ends with. */
    private final int[] shorter;

    private int length;

    UntilMark(String mark) {
        if (mark.isEmpty()) {
            throw new IllegalArgumentException("the mark is empty");
        }
        this.mark = mark;
        shorter = new int[mark.length() + 1];
        int border = 0;
        for (int at = 1; at < mark.length(); at++) {
            while (border > 0 && mark.charAt(at) != mark.charAt(border)) {
                border = shorter[border];
            }
            if (mark.charAt(at) == mark.charAt(border)) {
                border++;
            }
            shorter[at + 1] = border;
        }
    }

    /**
     * Takes a character.
     *
     * @param out gets what is certain not to belong to the mark
     * @return whether the mark is whole with this character; the search then begins anew
     */
    boolean accept(char c, StringBuilder out) {
        while (length > 0 && mark.charAt(length) != c) {
            out.append(mark, 0, length - shorter[length]);
            length = shorter[length];
        }
        if (mark.charAt(length) != c) {
            out.append(c);
            return false;
        }
        length++;
        if (length < mark.length()) {
            return false;
        }
        length = 0;
        return true;
    }

    /** The text ends here: lets go of what was held back. */
    void finish(StringBuilder out) {
        out.append(mark, 0, length);
        length = 0;
    }
}
