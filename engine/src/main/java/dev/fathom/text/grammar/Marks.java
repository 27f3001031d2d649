package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Special tokens of a vocabulary: marks of structure, which no text can spell. A grammar sees one as a single character
 * beyond Unicode, and the token trie as a symbol that is no byte with three bytes of its id behind it.
 */
final class Marks {
    static final Marks NONE = new Marks(Map.of());

    /** The symbol before the bytes of an id; smaller ones are bytes of text. */
    static final int SYMBOL = 256;

    static final int SYMBOLS = 257;

    private static final int FIRST = Character.MAX_CODE_POINT + 1;
    private static final int MOST_IDS = 1 << 24;

    /** Every mark, whether a vocabulary has it or not. */
    static final int LAST = FIRST + MOST_IDS - 1;

    private record Mark(String text, int id) {}

    /** By first character, longest texts first. */
    private final Map<Character, List<Mark>> byStart = new HashMap<>();

    /** @param ids by text */
    Marks(Map<String, Integer> ids) {
        ids.forEach((text, id) -> {
            if (!text.isEmpty() && id >= 0 && id < MOST_IDS) {
                byStart.computeIfAbsent(text.charAt(0), c -> new ArrayList<>()).add(new Mark(text, id));
            }
        });
        byStart.values()
                .forEach(marks -> marks.sort(
                        Comparator.comparingInt((Mark mark) -> mark.text().length())
                                .reversed()));
    }

    /** The character that stands for a special token. */
    static int character(int id) {
        return FIRST + id;
    }

    static int first() {
        return FIRST;
    }

    /** How the trie spells a special token. */
    static char[] symbols(int id) {
        return new char[] {SYMBOL, (char) (id >>> 16), (char) (id >>> 8 & 0xff), (char) (id & 0xff)};
    }

    /** The characters of a text; where it holds the text of a special token, the token's. */
    int[] characters(String text) {
        IntList out = new IntList();
        int at = 0;
        while (at < text.length()) {
            Mark mark = markAt(text, at);
            if (mark == null) {
                int c = text.codePointAt(at);
                out.add(c);
                at += Character.charCount(c);
            } else {
                out.add(character(mark.id()));
                at += mark.text().length();
            }
        }
        return out.toArray();
    }

    private @Nullable Mark markAt(String text, int at) {
        for (Mark mark : byStart.getOrDefault(text.charAt(at), List.of())) {
            if (text.startsWith(mark.text(), at)) {
                return mark;
            }
        }
        return null;
    }

    /** Exactly this text; a special token where its text stands. */
    Expr literal(String text) {
        return literal(characters(text));
    }

    static Expr literal(int[] characters) {
        List<Expr> parts = new ArrayList<>();
        StringBuilder plain = new StringBuilder();
        for (int c : characters) {
            if (c < FIRST) {
                plain.appendCodePoint(c);
                continue;
            }
            if (!plain.isEmpty()) {
                parts.add(Expr.literal(plain.toString()));
                plain.setLength(0);
            }
            parts.add(Expr.raw(CodePoints.one(c)));
        }
        if (!plain.isEmpty() || parts.isEmpty()) {
            parts.add(Expr.literal(plain.toString()));
        }
        return parts.size() == 1 ? parts.getFirst() : new Expr.Sequence(parts);
    }
}
