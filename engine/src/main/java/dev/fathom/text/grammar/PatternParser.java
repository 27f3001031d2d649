package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.List;

/**
 * Reads regular expressions as JSON Schema means them (ECMA-262 with Unicode). What decides on more than a regular
 * language, or on what is around a match, is refused by name.
 */
final class PatternParser {
    private static final int MOST_DEPTH = 100;
    private static final int MOST_REPETITIONS = 20_000;

    private final String pattern;
    private int at;
    private int depth;

    private PatternParser(String pattern) {
        this.pattern = pattern;
    }

    /** @throws GrammarException naming the construct and where it is */
    static Pattern parse(String pattern) {
        PatternParser parser = new PatternParser(pattern);
        Pattern parsed = parser.choice();
        if (parser.at < pattern.length()) {
            throw parser.error("an unmatched ')'");
        }
        return parsed;
    }

    private Pattern choice() {
        if (++depth > MOST_DEPTH) {
            throw error("more than " + MOST_DEPTH + " nested groups");
        }
        List<Pattern> options = new ArrayList<>();
        options.add(sequence());
        while (accept('|')) {
            options.add(sequence());
        }
        depth--;
        return options.size() == 1 ? options.getFirst() : new Pattern.Choice(options);
    }

    private Pattern sequence() {
        List<Pattern> parts = new ArrayList<>();
        while (at < pattern.length() && peek() != '|' && peek() != ')') {
            parts.add(quantified(atom()));
        }
        return parts.size() == 1 ? parts.getFirst() : new Pattern.Sequence(parts);
    }

    private Pattern atom() {
        int c = next();
        return switch (c) {
            case '^' -> new Pattern.Start();
            case '$' -> new Pattern.End();
            case '.' -> new Pattern.Chars(UnicodeSets.LINE_ENDS.not());
            case '(' -> group();
            case '[' -> new Pattern.Chars(characterClass());
            case '\\' -> new Pattern.Chars(escape(false));
            case '*', '+', '?' -> throw error("a quantifier with nothing before it");
            default -> new Pattern.Chars(CodePoints.of(c));
        };
    }

    private Pattern group() {
        if (accept('?')) {
            if (pattern.startsWith("<=", at) || pattern.startsWith("<!", at)) {
                throw error("lookbehind");
            }
            if (accept('P') && !pattern.startsWith("<", at)) {
                throw error("the group (?P" + rest());
            }
            if (accept('<')) {
                int end = pattern.indexOf('>', at);
                if (end < 0) {
                    throw error("a group name without '>'");
                }
                at = end + 1;
            } else if (!accept(':')) {
                throw error(
                        pattern.startsWith("=", at) || pattern.startsWith("!", at)
                                ? "lookahead"
                                : "the group (?" + rest());
            }
        }
        Pattern body = choice();
        if (!accept(')')) {
            throw error("a '(' without ')'");
        }
        return body;
    }

    private String rest() {
        return pattern.substring(at, Math.min(pattern.length(), at + 3));
    }

    private Pattern quantified(Pattern atom) {
        int min;
        int max;
        if (accept('*')) {
            min = 0;
            max = Expr.UNBOUNDED;
        } else if (accept('+')) {
            min = 1;
            max = Expr.UNBOUNDED;
        } else if (accept('?')) {
            min = 0;
            max = 1;
        } else if (at < pattern.length() && peek() == '{' && isQuantifier()) {
            at++;
            min = number();
            max = min;
            if (accept(',')) {
                max = peek() == '}' ? Expr.UNBOUNDED : number();
            }
            at++;
            if (min > max) {
                throw error("a quantifier whose bounds are in the wrong order");
            }
        } else {
            return atom;
        }
        if (atom instanceof Pattern.Start || atom instanceof Pattern.End) {
            throw error("a quantifier on an anchor");
        }
        accept('?'); // lazy: the same texts match
        if (at < pattern.length() && (peek() == '*' || peek() == '+' || peek() == '?')) {
            throw error("a quantifier on a quantifier");
        }
        return new Pattern.Repeat(atom, min, max);
    }

    /** A brace that begins no quantifier stands for itself. */
    private boolean isQuantifier() {
        int i = at + 1;
        int digits = i;
        while (i < pattern.length() && Character.isDigit(pattern.charAt(i)) && pattern.charAt(i) < 128) {
            i++;
        }
        if (i == digits) {
            return false;
        }
        if (i < pattern.length() && pattern.charAt(i) == ',') {
            i++;
            while (i < pattern.length() && pattern.charAt(i) >= '0' && pattern.charAt(i) <= '9') {
                i++;
            }
        }
        return i < pattern.length() && pattern.charAt(i) == '}';
    }

    private int number() {
        int value = 0;
        while (at < pattern.length() && peek() >= '0' && peek() <= '9') {
            value = 10 * value + next() - '0';
            if (value > MOST_REPETITIONS) {
                throw error("more than " + MOST_REPETITIONS + " repetitions");
            }
        }
        return value;
    }

    private CodePoints characterClass() {
        boolean negated = accept('^');
        CodePoints set = CodePoints.NONE;
        while (true) {
            if (at >= pattern.length()) {
                throw error("a '[' without ']'");
            }
            if (accept(']')) {
                return negated ? set.not() : set;
            }
            set = set.or(classItem());
        }
    }

    private CodePoints classItem() {
        CodePoints low = classAtom();
        boolean range = at + 1 < pattern.length() && peek() == '-' && pattern.charAt(at + 1) != ']';
        if (!range) {
            return low;
        }
        at++;
        CodePoints high = classAtom();
        if (!isOne(low) || !isOne(high)) {
            return low.or(CodePoints.of('-')).or(high); // as in [\w-.]: the hyphen stands for itself
        }
        if (high.first(0) < low.first(0)) {
            throw error("a character range in the wrong order");
        }
        return CodePoints.range(low.first(0), high.first(0));
    }

    private static boolean isOne(CodePoints set) {
        return set.ranges() == 1 && set.first(0) == set.last(0);
    }

    private CodePoints classAtom() {
        int c = next();
        return c == '\\' ? escape(true) : CodePoints.of(c);
    }

    private CodePoints escape(boolean inClass) {
        int c = next();
        return switch (c) {
            case 'd' -> UnicodeSets.DIGITS;
            case 'D' -> UnicodeSets.DIGITS.not();
            case 'w' -> UnicodeSets.WORD;
            case 'W' -> UnicodeSets.WORD.not();
            case 's' -> UnicodeSets.SPACES;
            case 'S' -> UnicodeSets.SPACES.not();
            case 'p', 'P' -> property(c == 'P');
            case 't' -> CodePoints.of('\t');
            case 'n' -> CodePoints.of('\n');
            case 'r' -> CodePoints.of('\r');
            case 'f' -> CodePoints.of('\f');
            case 'v' -> CodePoints.of(0x0b);
            case '0' -> CodePoints.of(0);
            case 'c' -> CodePoints.of(next() & 31);
            case 'x' -> CodePoints.of(hex(2));
            case 'u' -> CodePoints.of(unicode());
            case 'b' -> {
                if (!inClass) {
                    throw error("the word boundary \\b");
                }
                yield CodePoints.of('\b');
            }
            default -> {
                boolean letter = c < 128 && Character.isLetterOrDigit(c);
                if (letter) {
                    throw error(Character.isDigit(c) || c == 'k' ? "a back reference" : "the escape \\" + (char) c);
                }
                yield CodePoints.of(c);
            }
        };
    }

    private CodePoints property(boolean negated) {
        int end = pattern.indexOf('}', at);
        if (!accept('{') || end < 0) {
            throw error("\\p without a name in braces");
        }
        String name = pattern.substring(at, end);
        at = end + 1;
        CodePoints set = UnicodeSets.property(name);
        if (set == null) {
            throw error("the Unicode property " + name);
        }
        return negated ? set.not() : set;
    }

    private int unicode() {
        if (accept('{')) {
            int end = pattern.indexOf('}', at);
            if (end < 0 || end - at > 6 || end == at) {
                throw error("\\u{ without a number and '}'");
            }
            int value = hex(end - at);
            at++;
            if (value > Character.MAX_CODE_POINT) {
                throw error("a character beyond Unicode");
            }
            return value;
        }
        int unit = hex(4);
        if (Character.isHighSurrogate((char) unit) && pattern.startsWith("\\u", at)) {
            int before = at;
            at += 2;
            int low = hex(4);
            if (Character.isLowSurrogate((char) low)) {
                return Character.toCodePoint((char) unit, (char) low);
            }
            at = before;
        }
        return unit;
    }

    private int hex(int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = Character.digit(next(), 16);
            if (digit < 0) {
                throw error("an escape that needs " + digits + " hexadecimal digits");
            }
            value = 16 * value + digit;
        }
        return value;
    }

    private int peek() {
        return pattern.codePointAt(at);
    }

    private int next() {
        if (at >= pattern.length()) {
            throw error("an end in the middle of something");
        }
        int c = peek();
        at += Character.charCount(c);
        return c;
    }

    private boolean accept(char wanted) {
        if (at < pattern.length() && pattern.charAt(at) == wanted) {
            at++;
            return true;
        }
        return false;
    }

    private GrammarException error(String what) {
        String shown = pattern.length() > 80 ? pattern.substring(0, 80) + "..." : pattern;
        return new GrammarException("The regular expression \"" + shown + "\" has at character " + at
                + " what is not supported: " + what + ".");
    }
}
