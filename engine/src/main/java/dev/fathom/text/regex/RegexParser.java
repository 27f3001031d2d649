package dev.fathom.text.regex;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Reads Oniguruma's default (Ruby-like) syntax: {@code ^} and {@code $} are line anchors, {@code \s \d \w} and case folding
 * are Unicode's, {@code (?m)} lets the dot match a newline.
 *
 * @see "Oniguruma, doc/RE"
 */
final class RegexParser {
    /** Groups within groups; a pattern is untrusted, and parsing recurses. */
    private static final int MAX_DEPTH = 60;

    private static final int MAX_LENGTH = 65_536;

    /** What ligatures and the sharp s fold to. */
    private static final Set<String> LONG_FOLDS = Set.of("ss", "ff", "fi", "fl", "st");

    private static final int MAX_REPEAT = 1000;

    private final String pattern;
    private int at;
    private int depth;
    private boolean ignoreCase;
    private boolean dotAll;
    private boolean extended;
    /** The literal just read, when its case is ignored; else -1. */
    private int folds = -1;

    private RegexParser(String pattern) {
        this.pattern = pattern;
    }

    static Node parse(String pattern) {
        if (pattern.length() > MAX_LENGTH) {
            throw RegexException.at(pattern, MAX_LENGTH, "more than " + MAX_LENGTH + " characters are not supported");
        }
        RegexParser parser = new RegexParser(pattern);
        Node node = parser.choice();
        if (parser.at < pattern.length()) {
            throw parser.error("unmatched ')'");
        }
        return node;
    }

    private Node choice() {
        if (++depth > MAX_DEPTH) {
            throw error("more than " + MAX_DEPTH + " nested groups");
        }
        // Flags set by (?i) hold until the end of the enclosing group, alternatives included.
        boolean outerCase = ignoreCase;
        boolean outerDot = dotAll;
        boolean outerExtended = extended;
        List<Node> options = new ArrayList<>();
        do {
            options.add(sequence());
        } while (accept('|'));
        ignoreCase = outerCase;
        dotAll = outerDot;
        extended = outerExtended;
        depth--;
        return options.size() == 1 ? options.getFirst() : new Node.Choice(List.copyOf(options));
    }

    private Node sequence() {
        List<Node> parts = new ArrayList<>();
        while (at < pattern.length() && peek() != '|' && peek() != ')') {
            if (extended && skipExtended()) {
                continue;
            }
            Node atom = atom();
            parts.add(atom == null ? new Node.Sequence(List.of()) : quantified(atom));
        }
        return parts.size() == 1 ? parts.getFirst() : new Node.Sequence(List.copyOf(parts));
    }

    private boolean skipExtended() {
        if (Character.isWhitespace(peek())) {
            at++;
            return true;
        }
        if (peek() != '#') {
            return false;
        }
        while (at < pattern.length() && peek() != '\n') {
            at++;
        }
        return true;
    }

    private Node quantified(Node atom) {
        Node node = atom;
        for (int repeats = 0; at < pattern.length(); repeats++) {
            int start = at;
            int min;
            int max;
            boolean interval = false;
            if (accept('*')) {
                min = 0;
                max = Node.UNBOUNDED;
            } else if (accept('+')) {
                min = 1;
                max = Node.UNBOUNDED;
            } else if (accept('?')) {
                min = 0;
                max = 1;
            } else {
                int[] bounds = peek() == '{' ? interval() : null;
                if (bounds == null) {
                    break;
                }
                min = bounds[0];
                max = bounds[1];
                interval = true;
            }
            if (repeats > 4) {
                throw RegexException.at(pattern, start, "too many quantifiers in a row");
            }
            node = repeat(node, min, max, interval, start);
        }
        return node;
    }

    private Node repeat(Node body, int min, int max, boolean interval, int start) {
        if (max == Node.UNBOUNDED && body.nullable()) {
            throw RegexException.at(pattern, start, "endless repetition of what may be empty is not supported");
        }
        // In this syntax {n,m}+ is a greedy repeat of the repeat, and {n}? is an optional {n}.
        boolean exact = interval && min == max;
        if (!exact && accept('?')) {
            return new Node.Repeat(body, min, max, Node.Mode.LAZY);
        }
        if (!interval && accept('+')) {
            return new Node.Repeat(body, min, max, Node.Mode.POSSESSIVE);
        }
        return new Node.Repeat(body, min, max, Node.Mode.GREEDY);
    }

    /** The bounds of {@code {n}}, {@code {n,}}, {@code {,m}} or {@code {n,m}}; null (nothing read) when it is plain text. */
    private int @Nullable [] interval() {
        int start = at++;
        int min = number();
        int max = min;
        if (accept(',')) {
            max = number();
            if (min < 0 && max < 0) {
                at = start;
                return null;
            }
            max = max < 0 ? Node.UNBOUNDED : max;
            min = Math.max(min, 0);
        }
        if (min < 0 || !accept('}')) {
            at = start;
            return null;
        }
        if (min > MAX_REPEAT || (max != Node.UNBOUNDED && max > MAX_REPEAT)) {
            throw RegexException.at(pattern, start, "a repeat count above " + MAX_REPEAT + " is not supported");
        }
        if (max < min) {
            throw RegexException.at(pattern, start, "repeat bounds in the wrong order");
        }
        return new int[] {min, max};
    }

    private int number() {
        int start = at;
        int value = 0;
        while (at < pattern.length() && peek() >= '0' && peek() <= '9') {
            value = Math.min(value * 10 + (peek() - '0'), 1_000_000);
            at++;
        }
        return at == start ? -1 : value;
    }

    /** One unit to be quantified; null for what only changes flags. */
    private @Nullable Node atom() {
        int start = at;
        int c = next();
        if (c != '\\' && ".^$[(".indexOf(c) >= 0) {
            folds = -1;
        }
        return switch (c) {
            case '.' -> {
                boolean all = dotAll;
                yield new Node.Chars(new CodePointSet(x -> all || x != '\n'));
            }
            case '^' -> new Node.Anchor(Node.Place.LINE_START);
            case '$' -> new Node.Anchor(Node.Place.LINE_END);
            case '[' -> new Node.Chars(new CodePointSet(new ClassParser(this).parse()));
            case '(' -> group();
            case '\\' -> escape();
            case '*', '+', '?' -> throw RegexException.at(pattern, start, "nothing to repeat");
            default -> literal(c);
        };
    }

    private Node literal(int c) {
        if (ignoreCase) {
            refuseLongFolds(c);
        }
        folds = ignoreCase ? c : -1;
        return new Node.Chars(new CodePointSet(folded(x -> x == c)));
    }

    /** Where case is ignored the reference also matches ß by "ss" and the like; no tokenizer needs it, so it is refused. */
    private void refuseLongFolds(int c) {
        String pair = Character.toString(folds < 0 ? ' ' : folds) + Character.toString(c);
        boolean longer = Character.toString(c).toUpperCase(Locale.ROOT).length() > Character.charCount(c);
        if (longer || LONG_FOLDS.contains(pair.toLowerCase(Locale.ROOT))) {
            throw error("ignoring case of '" + (longer ? Character.toString(c) : pair) + "' is not supported");
        }
    }

    private Node escape() {
        int start = at - 1;
        if (at >= pattern.length()) {
            throw error("a lone backslash");
        }
        Node.Place place = switch (peek()) {
            case 'A' -> Node.Place.TEXT_START;
            case 'z' -> Node.Place.TEXT_END;
            case 'Z' -> Node.Place.TEXT_END_OR_LAST_NEWLINE;
            case 'b' -> Node.Place.WORD_BOUNDARY;
            case 'B' -> Node.Place.NO_WORD_BOUNDARY;
            default -> null;
        };
        if (place != null) {
            at++;
            return new Node.Anchor(place);
        }
        Escapes.Value value = Escapes.read(pattern, at);
        if (value == null) {
            throw RegexException.at(pattern, start, "'\\" + Character.toString(peek()) + "' is not supported");
        }
        at = value.end();
        return value.set() != null ? new Node.Chars(new CodePointSet(folded(value.set()))) : literal(value.codePoint());
    }

    private @Nullable Node group() {
        int start = at - 1;
        if (!accept('?')) {
            return closed(choice());
        }
        int c = next();
        return switch (c) {
            case ':' -> closed(choice());
            case '>' -> closed(new Node.Atomic(choice()));
            case '=' -> closed(new Node.Look(choice(), false, false));
            case '!' -> closed(new Node.Look(choice(), false, true));
            case '<' -> closed(angle(start));
            case '#' -> {
                int end = pattern.indexOf(')', at);
                at = end < 0 ? pattern.length() : end;
                accept(')');
                yield null;
            }
            default -> {
                at--;
                yield flags(start);
            }
        };
    }

    private Node angle(int start) {
        if (accept('=')) {
            return behind(start, false);
        }
        if (accept('!')) {
            return behind(start, true);
        }
        int end = pattern.indexOf('>', at);
        if (end <= at || !pattern.substring(at, end).chars().allMatch(Character::isJavaIdentifierPart)) {
            throw RegexException.at(pattern, start, "a group name that cannot be read");
        }
        at = end + 1;
        return choice();
    }

    private Node behind(int start, boolean negative) {
        Node body = choice();
        if (body.fixedLength() < 0) {
            throw RegexException.at(pattern, start, "a look-behind of varying length is not supported");
        }
        return new Node.Look(body, true, negative);
    }

    private @Nullable Node flags(int start) {
        boolean outerCase = ignoreCase;
        boolean outerDot = dotAll;
        boolean outerExtended = extended;
        boolean on = true;
        while (true) {
            int c = next();
            switch (c) {
                case '-' -> on = false;
                case 'i' -> ignoreCase = on;
                case 'm' -> dotAll = on;
                case 'x' -> extended = on;
                case ')', ':' -> {
                    // Here a(?i)b|c means a(?i:b|c): the rest of the enclosing group belongs to the flag.
                    Node body = c == ':' ? closed(choice()) : choice();
                    ignoreCase = outerCase;
                    dotAll = outerDot;
                    extended = outerExtended;
                    return body;
                }
                default ->
                    throw RegexException.at(
                            pattern, start, "the group '(?" + Character.toString(c) + "' is not supported");
            }
        }
    }

    private Node closed(Node body) {
        if (!accept(')')) {
            throw error("a ')' is missing");
        }
        return body;
    }

    boolean ignoresCase() {
        return ignoreCase;
    }

    /** Widens a set to all case variants of its members when case is ignored here. */
    IntPredicate folded(IntPredicate set) {
        if (!ignoreCase) {
            return set;
        }
        CaseVariants variants = CaseVariants.all();
        return c -> {
            for (int variant : variants.of(c)) {
                if (set.test(variant)) {
                    return true;
                }
            }
            return false;
        };
    }

    int peek() {
        return pattern.codePointAt(at);
    }

    boolean atEnd() {
        return at >= pattern.length();
    }

    int next() {
        if (at >= pattern.length()) {
            throw error("the pattern ends too early");
        }
        int c = peek();
        at += Character.charCount(c);
        return c;
    }

    boolean accept(char wanted) {
        if (at < pattern.length() && pattern.charAt(at) == wanted) {
            at++;
            return true;
        }
        return false;
    }

    String pattern() {
        return pattern;
    }

    int position() {
        return at;
    }

    void moveTo(int position) {
        at = position;
    }

    RegexException error(String problem) {
        return RegexException.at(pattern, at, problem);
    }
}
