package dev.fathom.text;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Finds added tokens in text: the leftmost one, and of those beginning there the longest.
 *
 * <p>A tree of characters, so that the cost does not grow with the number of tokens (DeepSeek-V3 has 818, all beginning
 * alike).
 */
final class AddedTokenMatcher {
    private static final class Node {
        private final Map<Character, Node> next = new HashMap<>();
        private int token = -1;
    }

    private final Node root = new Node();
    private final List<AddedToken> tokens;
    /** The only character a token begins with, for {@code indexOf}; -1 when there are several. */
    private final int soleFirst;

    /** @param form what happens to a token's text before it is looked for */
    AddedTokenMatcher(List<AddedToken> tokens, UnaryOperator<String> form) {
        this.tokens = tokens;
        for (int i = 0; i < tokens.size(); i++) {
            Node node = root;
            String content = form.apply(tokens.get(i).content());
            for (int j = 0; j < content.length(); j++) {
                Node known = node.next.get(content.charAt(j));
                if (known == null) {
                    known = new Node();
                    node.next.put(content.charAt(j), known);
                }
                node = known;
            }
            // The first of two that look alike is kept, as in the reference.
            if (node != root && node.token < 0) {
                node.token = i;
            }
        }
        this.soleFirst = root.next.size() == 1 ? root.next.keySet().iterator().next() : -1;
    }

    /** What {@link #split} reports, in the order of the text. */
    interface Parts {
        void text(int from, int to);

        void token(AddedToken token);
    }

    /** Cuts a text into added tokens and the stretches between them, none of which is empty. */
    void split(String text, Parts parts) {
        int done = 0;
        int at = 0;
        while (at < text.length() && !root.next.isEmpty()) {
            if (soleFirst >= 0) {
                at = text.indexOf(soleFirst, at);
                if (at < 0) {
                    break;
                }
            }
            int end = longestMatch(text, at);
            if (end < 0) {
                at++;
                continue;
            }
            AddedToken token = tokens.get(matched(text, at, end));
            int start = at;
            at = end;
            if (token.singleWord() && (Words.endsWithWord(text, start) || Words.beginsWithWord(text, end))) {
                continue;
            }
            if (token.lstrip()) {
                start = Math.max(Words.blanksBefore(text, start), done);
            }
            if (token.rstrip()) {
                end = Words.blanksBehind(text, end);
            }
            if (done < start) {
                parts.text(done, start);
            }
            parts.token(token);
            done = end;
        }
        if (done < text.length()) {
            parts.text(done, text.length());
        }
    }

    private int longestMatch(String text, int from) {
        int end = -1;
        Node node = root;
        for (int i = from; i < text.length(); i++) {
            Node next = node.next.get(text.charAt(i));
            if (next == null) {
                break;
            }
            node = next;
            if (node.token >= 0) {
                end = i + 1;
            }
        }
        return end;
    }

    private int matched(String text, int from, int to) {
        Node node = root;
        for (int i = from; i < to; i++) {
            Node next = node.next.get(text.charAt(i));
            if (next == null) {
                throw new IllegalStateException("no token at " + from);
            }
            node = next;
        }
        return node.token;
    }
}
