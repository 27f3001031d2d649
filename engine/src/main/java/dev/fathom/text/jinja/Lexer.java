package dev.fathom.text.jinja;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Cuts a template into tokens with {@code trim_blocks} and {@code lstrip_blocks} on and {@code keep_trailing_newline} off.
 *
 * @see "Jinja 2 documentation, Template Designer Documentation, Whitespace Control"
 */
final class Lexer {
    private static final String[] OPERATORS = {
        "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".", ":", "|", ",", ";"
    };

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    /** Whether what was read last ended with a line end, so that blanks before a block are an indentation. */
    private boolean atLineStart = true;

    private Lexer(String source) {
        this.source = source;
    }

    /** Line ends as {@code \n}, and the last one dropped. */
    static String normalized(String template) {
        String text = template.replace("\r\n", "\n").replace('\r', '\n');
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    /** @param source as {@link #normalized} leaves it */
    static List<Token> tokens(String source) {
        Lexer lexer = new Lexer(source);
        lexer.root();
        lexer.add(Token.Kind.END, "", source.length());
        return lexer.tokens;
    }

    private void root() {
        while (at < source.length()) {
            int tag = nextTag(at);
            if (tag < 0) {
                data(at, source.length());
                at = source.length();
                return;
            }
            char kind = source.charAt(tag + 1);
            int inside = tag + 2;
            char sign = inside < source.length() ? source.charAt(inside) : ' ';
            boolean signed = sign == '-' || sign == '+';
            data(at, stripped(at, tag, signed ? sign : ' ', kind == '{'));
            int rawBody = kind == '%' ? rawBegin(signed ? inside + 1 : inside) : -1;
            at = signed ? inside + 1 : inside;
            if (rawBody >= 0) {
                atLineStart = source.charAt(rawBody - 1) == '\n';
                raw(tag, rawBody);
            } else if (kind == '#') {
                comment(tag);
            } else {
                add(kind == '{' ? Token.Kind.VARIABLE_BEGIN : Token.Kind.BLOCK_BEGIN, source.substring(tag, at), tag);
                tag(kind == '{', tag);
            }
        }
    }

    private int nextTag(int from) {
        int tag = source.indexOf('{', from);
        while (tag >= 0 && (tag + 1 >= source.length() || "{%#".indexOf(source.charAt(tag + 1)) < 0)) {
            tag = source.indexOf('{', tag + 1);
        }
        return tag;
    }

    /** The end of the text before a tag, once the blanks that the tag takes away are gone. */
    private int stripped(int from, int tag, char sign, boolean variable) {
        int end = tag;
        if (sign == '-') {
            while (end > from && PyText.isSpace(source.charAt(end - 1))) {
                end--;
            }
        } else if (sign != '+' && !variable) {
            while (end > from && source.charAt(end - 1) != '\n' && PyText.isSpace(source.charAt(end - 1))) {
                end--;
            }
            boolean lineStart = end > from ? source.charAt(end - 1) == '\n' : atLineStart;
            end = lineStart ? end : tag;
        }
        return end;
    }

    /** If {@code raw %}} stands here, where the raw text begins, else -1. */
    private int rawBegin(int from) {
        int end = word(skipBlanks(from), "raw");
        if (end < 0) {
            return -1;
        }
        end = skipBlanks(end);
        if (source.startsWith("-%}", end)) {
            return skipBlanks(end + 3);
        }
        return source.startsWith("%}", end) ? end + 2 : -1;
    }

    private void raw(int tag, int from) {
        for (int end = source.indexOf("{%", from); end >= 0; end = source.indexOf("{%", end + 1)) {
            int inside = end + 2;
            char sign = inside < source.length() ? source.charAt(inside) : ' ';
            boolean signed = sign == '-' || sign == '+';
            int close = word(skipBlanks(signed ? inside + 1 : inside), "endraw");
            int after = close < 0 ? -1 : afterEnd(skipBlanks(close), "%}");
            if (after >= 0) {
                data(from, stripped(from, end, signed ? sign : ' ', false));
                move(after);
                return;
            }
        }
        throw error("missing end of raw directive", tag);
    }

    private int word(int from, String word) {
        return source.startsWith(word, from) ? from + word.length() : -1;
    }

    private void comment(int tag) {
        for (int end = at; end < source.length(); end++) {
            int after = afterEnd(end, "#}");
            if (after >= 0) {
                move(after);
                return;
            }
        }
        throw error("missing end of comment tag", tag);
    }

    /** The index behind the end mark that stands here, its sign and the blanks or line end it takes along; -1 if none does. */
    private int afterEnd(int from, String mark) {
        if (source.startsWith(mark, from)) {
            int end = from + mark.length();
            return source.startsWith("\n", end) ? end + 1 : end;
        }
        if (from < source.length() && source.startsWith(mark, from + 1)) {
            int end = from + 1 + mark.length();
            char sign = source.charAt(from);
            return sign == '-' ? skipBlanks(end) : sign == '+' ? end : -1;
        }
        return -1;
    }

    private void move(int to) {
        atLineStart = source.charAt(to - 1) == '\n';
        at = to;
    }

    /** Reads the inside of a tag up to and with its end. */
    private void tag(boolean variable, int begin) {
        Deque<String> open = new ArrayDeque<>();
        while (true) {
            at = skipBlanks(at);
            if (at >= source.length()) {
                throw error("the tag that begins here does not end", begin);
            }
            if (open.isEmpty() && tagEnd(variable)) {
                return;
            }
            literalOrOperator(open);
        }
    }

    private boolean tagEnd(boolean variable) {
        int end;
        if (!variable) {
            end = afterEnd(at, "%}");
        } else if (source.startsWith("-}}", at)) {
            end = skipBlanks(at + 3);
        } else {
            end = source.startsWith("}}", at) ? at + 2 : -1;
        }
        if (end < 0) {
            return false;
        }
        add(variable ? Token.Kind.VARIABLE_END : Token.Kind.BLOCK_END, source.substring(at, end), at);
        move(end);
        return true;
    }

    private void literalOrOperator(Deque<String> open) {
        char c = source.charAt(at);
        if (c >= '0' && c <= '9') {
            number();
        } else if (Character.isUnicodeIdentifierStart(source.codePointAt(at)) || c == '_') {
            int end = at;
            while (end < source.length() && isNamePart(source.codePointAt(end))) {
                end += Character.charCount(source.codePointAt(end));
            }
            add(Token.Kind.NAME, source.substring(at, end), at);
            at = end;
        } else if (c == '\'' || c == '"') {
            string(c);
        } else {
            operator(open);
        }
    }

    private static boolean isNamePart(int c) {
        return c == '_' || (Character.isUnicodeIdentifierPart(c) && !Character.isIdentifierIgnorable(c));
    }

    private void operator(Deque<String> open) {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                balance(operator, open);
                add(Token.Kind.OPERATOR, operator, at);
                at += operator.length();
                return;
            }
        }
        throw error("unexpected character '" + Character.toString(source.codePointAt(at)) + "'", at);
    }

    private void balance(String operator, Deque<String> open) {
        switch (operator) {
            case "(" -> open.push(")");
            case "[" -> open.push("]");
            case "{" -> open.push("}");
            case ")", "]", "}" -> {
                String expected = open.poll();
                if (expected == null) {
                    throw error("unexpected '" + operator + "'", at);
                }
                if (!expected.equals(operator)) {
                    throw error("unexpected '" + operator + "', expected '" + expected + "'", at);
                }
            }
            default -> {}
        }
    }

    private void string(char quote) {
        int end = at + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw error("a string that does not end", at);
        }
        String text = source.substring(at, end + 1);
        tokens.add(new Token(Token.Kind.STRING, text, Unescape.python(source, at + 1, end), at));
        at = end + 1;
    }

    private void number() {
        int end = digits(at);
        boolean afterDot = at > 0 && source.charAt(at - 1) == '.';
        int fraction = end;
        if (source.startsWith(".", end) && digits(end + 1) > end + 1) {
            fraction = digits(end + 1);
        }
        int exponent = fraction;
        if (fraction < source.length() && (source.charAt(fraction) | 0x20) == 'e') {
            int sign = fraction + 1;
            sign += sign < source.length() && "+-".indexOf(source.charAt(sign)) >= 0 ? 1 : 0;
            exponent = digits(sign) > sign ? digits(sign) : fraction;
        }
        if (exponent > end && !afterDot) {
            String text = source.substring(at, exponent);
            tokens.add(new Token(Token.Kind.FLOAT, text, Double.parseDouble(text.replace("_", "")), at));
            at = exponent;
            return;
        }
        integer(end);
    }

    private void integer(int decimalEnd) {
        char prefix = at + 1 < source.length() ? (char) (source.charAt(at + 1) | 0x20) : ' ';
        int radix = source.charAt(at) != '0' ? 10 : prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 10;
        int end = decimalEnd;
        int from = at;
        if (radix != 10) {
            from = at + 2;
            end = from;
            while (end < source.length()
                    && (Character.digit(source.charAt(end), radix) >= 0 || source.charAt(end) == '_')) {
                end++;
            }
        }
        String digits = source.substring(from, end).replace("_", "");
        boolean leadingZero = radix == 10 && digits.length() > 1 && digits.startsWith("0") && !digits.matches("0+");
        if (digits.isEmpty() || leadingZero || digits.length() > 4000) {
            throw error("a number that cannot be read", at);
        }
        Object value = Numbers.compact(new BigInteger(digits, radix));
        tokens.add(new Token(Token.Kind.INTEGER, source.substring(at, end), value, at));
        at = end;
    }

    /** The end of the digits here; an underscore may stand between two of them. */
    private int digits(int from) {
        int end = from;
        while (end < source.length()
                && (isDigit(end)
                        || (end > from && source.charAt(end) == '_' && isDigit(end - 1) && isDigit(end + 1)))) {
            end++;
        }
        return end;
    }

    private boolean isDigit(int index) {
        return index < source.length() && source.charAt(index) >= '0' && source.charAt(index) <= '9';
    }

    private int skipBlanks(int from) {
        int end = from;
        while (end < source.length() && PyText.isSpace(source.charAt(end))) {
            end++;
        }
        return end;
    }

    private void data(int from, int to) {
        if (to > from) {
            add(Token.Kind.DATA, source.substring(from, to), from);
        }
    }

    private void add(Token.Kind kind, String text, int position) {
        tokens.add(new Token(kind, text, text, position));
    }

    private JinjaException error(String message, int position) {
        return JinjaException.at(source, position, message);
    }
}
