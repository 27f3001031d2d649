package dev.fathom.text.answer;

import java.util.List;

/** Reads over white space and then over one of several texts, of which none begins another. */
final class Literals {
    /** More characters are needed. */
    static final int MORE = -1;

    /** None of the texts comes. */
    static final int NONE = -2;

    private final List<String> texts;
    private final StringBuilder read = new StringBuilder();

    Literals(String... texts) {
        this.texts = List.of(texts);
    }

    /** The number of the text that is whole with this character, {@link #MORE} or {@link #NONE}; then it begins anew. */
    int accept(char c) {
        if (read.isEmpty() && Character.isWhitespace(c)) {
            return MORE;
        }
        read.append(c);
        boolean possible = false;
        for (int i = 0; i < texts.size(); i++) {
            String text = texts.get(i);
            if (text.contentEquals(read)) {
                read.setLength(0);
                return i;
            }
            possible |= read.length() < text.length() && text.startsWith(read.toString());
        }
        return possible ? MORE : NONE;
    }
}
