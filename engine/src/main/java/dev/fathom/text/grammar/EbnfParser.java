package dev.fathom.text.grammar;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads EBNF as SGLang takes it (GBNF): {@code name ::= ...} rules, literals and character classes with escapes, groups,
 * {@code |}, {@code * + ? {m,n}}, comments from {@code #} to the end of the line. The text is what {@code root} matches.
 */
final class EbnfParser {
    private static final int MOST_DEPTH = 100;
    private static final int MOST_REPETITIONS = 1 << 20;
    private static final String DEFINES = "::=";

    private final Rules rules;
    private final String text;
    private final Map<String, Integer> byName = new HashMap<>();
    private final Set<String> defined = new HashSet<>();
    private int at;
    private int depth;

    private EbnfParser(Rules rules, String text) {
        this.rules = rules;
        this.text = text;
    }

    /** @throws GrammarException saying what is wrong in which line */
    static int root(Rules rules, String text) {
        EbnfParser parser = new EbnfParser(rules, text);
        parser.rules();
        for (String name : parser.byName.keySet()) {
            if (!parser.defined.contains(name)) {
                throw new GrammarException("The EBNF grammar uses the rule " + name + ", but does not define it.");
            }
        }
        Integer root = parser.byName.get("root");
        if (root == null) {
            throw new GrammarException("The EBNF grammar has no rule named root, which is where a text begins.");
        }
        return root;
    }

    private void rules() {
        space();
        while (at < text.length()) {
            String name = name();
            space();
            if (name.isEmpty() || !text.startsWith(DEFINES, at)) {
                throw error("a rule such as name ::= ... was expected");
            }
            at += DEFINES.length();
            if (!defined.add(name)) {
                throw error("the rule " + name + " is defined twice");
            }
            rules.define(rule(name), choice());
        }
    }

    private int rule(String name) {
        return byName.computeIfAbsent(name, rules::declare);
    }

    private Expr choice() {
        if (++depth > MOST_DEPTH) {
            throw error("groups are nested more than " + MOST_DEPTH + " deep");
        }
        List<Expr> options = new ArrayList<>();
        options.add(sequence());
        while (accept('|')) {
            options.add(sequence());
        }
        depth--;
        return options.size() == 1 ? options.getFirst() : new Expr.Choice(options);
    }

    private Expr sequence() {
        List<Expr> parts = new ArrayList<>();
        space();
        while (at < text.length() && text.charAt(at) != '|' && text.charAt(at) != ')' && !rulesBegins()) {
            parts.add(quantified(element()));
            space();
        }
        return parts.size() == 1 ? parts.getFirst() : new Expr.Sequence(parts);
    }

    /** Whether the next rule starts here. */
    private boolean rulesBegins() {
        int before = at;
        boolean named = !name().isEmpty();
        space();
        boolean begins = named && text.startsWith(DEFINES, at);
        at = before;
        return begins;
    }

    private Expr element() {
        char c = text.charAt(at);
        if (c == '"') {
            return literal();
        }
        if (c == '[') {
            at++;
            return Expr.raw(characterClass());
        }
        if (c == '(') {
            at++;
            if (text.startsWith("=", at)) {
                throw error("lookahead (= ...) is not supported");
            }
            Expr group = choice();
            if (!accept(')')) {
                throw error("a '(' has no ')'");
            }
            return group;
        }
        String name = name();
        if (name.isEmpty()) {
            throw error("'" + Character.toString(text.codePointAt(at)) + "' is not expected");
        }
        if (text.startsWith("(", at)) {
            throw error(name + "(...) is not supported");
        }
        return new Expr.Call(rule(name));
    }

    private Expr literal() {
        StringBuilder out = new StringBuilder();
        at++;
        while (true) {
            int c = next();
            if (c == '"') {
                return Expr.literal(out.toString());
            }
            if (c == '\n') {
                throw error("a literal has no closing quote in its line");
            }
            out.appendCodePoint(c == '\\' ? escape() : c);
        }
    }

    private CodePoints characterClass() {
        boolean negated = at < text.length() && text.charAt(at) == '^';
        at += negated ? 1 : 0;
        CodePoints set = CodePoints.NONE;
        while (true) {
            int low = next();
            if (low == ']') {
                return negated ? set.not() : set;
            }
            low = low == '\\' ? escape() : low;
            int high = low;
            if (text.startsWith("-", at) && !text.startsWith("-]", at)) {
                at++;
                high = next();
                high = high == '\\' ? escape() : high;
            }
            if (high < low) {
                throw error("a range of characters is in the wrong order");
            }
            set = set.or(CodePoints.range(low, high));
        }
    }

    private int escape() {
        int c = next();
        return switch (c) {
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'f' -> '\f';
            case 'b' -> '\b';
            case 'v' -> 0x0b;
            case 'a' -> 7;
            case 'e' -> 27;
            case '0' -> 0;
            case 'x' -> hex(2);
            case 'u' -> checked(hex(4));
            case 'U' -> checked(hex(8));
            case '\\', '"', '\'', '[', ']', '-', '^', '?', '/' -> c;
            default -> throw error("the escape \\" + Character.toString(c) + " is not known");
        };
    }

    private int checked(int codePoint) {
        boolean surrogate = codePoint >= CodePoints.SURROGATES_FIRST && codePoint <= CodePoints.SURROGATES_LAST;
        if (codePoint < 0 || codePoint > Character.MAX_CODE_POINT || surrogate) {
            throw error("an escape stands for no Unicode character");
        }
        return codePoint;
    }

    private int hex(int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = Character.digit(next(), 16);
            if (digit < 0) {
                throw error("an escape needs " + digits + " hexadecimal digits");
            }
            value = value << 4 | digit;
        }
        return value;
    }

    private Expr quantified(Expr element) {
        if (at >= text.length()) {
            return element;
        }
        char mark = text.charAt(at);
        if ("*+?{".indexOf(mark) < 0) {
            return element;
        }
        at++;
        return switch (mark) {
            case '*' -> Expr.star(element);
            case '+' -> new Expr.Repeat(element, 1, Expr.UNBOUNDED);
            case '?' -> Expr.optional(element);
            default -> bounds(element);
        };
    }

    private Expr bounds(Expr element) {
        int min = number(0);
        int max = min;
        if (accept(',')) {
            max = number(Expr.UNBOUNDED);
        }
        if (!accept('}') || min > max) {
            throw error("a repetition is not of the form {m}, {m,} or {m,n}");
        }
        return new Expr.Repeat(element, min, max);
    }

    private int number(int fallback) {
        space();
        int value = 0;
        int start = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            value = 10 * value + text.charAt(at++) - '0';
            if (value > MOST_REPETITIONS) {
                throw error("more than " + MOST_REPETITIONS + " repetitions");
            }
        }
        return at == start ? fallback : value;
    }

    private String name() {
        int start = at;
        while (at < text.length() && isNamePart(text.charAt(at))) {
            at++;
        }
        return text.substring(start, at);
    }

    private static boolean isNamePart(char c) {
        return c < 128 && (Character.isLetterOrDigit(c) || c == '_' || c == '-' || c == '.');
    }

    private void space() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '#') {
                int end = text.indexOf('\n', at);
                at = end < 0 ? text.length() : end;
            } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
                at++;
            } else {
                return;
            }
        }
    }

    private boolean accept(char wanted) {
        space();
        if (at < text.length() && text.charAt(at) == wanted) {
            at++;
            return true;
        }
        return false;
    }

    private int next() {
        if (at >= text.length()) {
            throw error("the grammar ends in the middle of something");
        }
        int c = text.codePointAt(at);
        at += Character.charCount(c);
        return c;
    }

    private GrammarException error(String problem) {
        long line = 1
                + text.substring(0, Math.min(at, text.length()))
                        .chars()
                        .filter(c -> c == '\n')
                        .count();
        return new GrammarException("The EBNF grammar is wrong in line " + line + ": " + problem + ".");
    }
}
