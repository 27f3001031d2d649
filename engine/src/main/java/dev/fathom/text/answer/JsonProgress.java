package dev.fathom.text.answer;

import java.util.BitSet;

/** Checks JSON text as it comes: whether what came so far is the beginning of a value, or all of one. */
final class JsonProgress {
    /** Deeper nesting counts as damage. */
    private static final int MOST_DEPTH = 200;

    private enum State {
        VALUE,
        VALUE_OR_END,
        KEY,
        KEY_OR_END,
        COLON,
        AFTER_VALUE,
        STRING,
        ESCAPE,
        HEX,
        WORD,
        MINUS,
        ZERO,
        DIGITS,
        POINT,
        FRACTION,
        EXPONENT,
        EXPONENT_SIGN,
        EXPONENT_DIGITS,
        WRONG
    }

    /** By depth: whether that container is an object. */
    private final BitSet objects = new BitSet();

    private int depth;
    private State state = State.VALUE;
    private boolean key;
    private int hexDigits;
    private String word = "";
    private int wordAt;

    /** Whether what came is one whole value; white space may follow, and for a number more digits. */
    boolean isWhole() {
        return depth == 0
                && switch (state) {
                    case AFTER_VALUE, ZERO, DIGITS, FRACTION, EXPONENT_DIGITS -> true;
                    default -> false;
                };
    }

    /** Takes a character; false, now and from then on, if no JSON value begins like this. */
    boolean accept(char c) {
        state = next(c);
        return state != State.WRONG;
    }

    private State next(char c) {
        return switch (state) {
            case STRING -> inString(c);
            case ESCAPE -> escaped(c);
            case HEX -> hex(c);
            case WORD -> inWord(c);
            case MINUS, ZERO, DIGITS, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS -> inNumber(c);
            case WRONG -> State.WRONG;
            case VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON, AFTER_VALUE -> isSpace(c) ? state : between(c);
        };
    }

    private State between(char c) {
        return switch (state) {
            case VALUE -> value(c);
            case VALUE_OR_END -> c == ']' ? closed() : value(c);
            case KEY_OR_END -> c == '}' ? closed() : key(c);
            case KEY -> key(c);
            case COLON -> c == ':' ? State.VALUE : State.WRONG;
            case AFTER_VALUE -> afterValue(c);
            default -> throw new IllegalStateException("not between values: " + state);
        };
    }

    private State key(char c) {
        key = true;
        return c == '"' ? State.STRING : State.WRONG;
    }

    private State value(char c) {
        key = false;
        return switch (c) {
            case '"' -> State.STRING;
            case '{' -> opened(true);
            case '[' -> opened(false);
            case 't' -> begun("true");
            case 'f' -> begun("false");
            case 'n' -> begun("null");
            case '-' -> State.MINUS;
            case '0' -> State.ZERO;
            default -> isDigit(c) ? State.DIGITS : State.WRONG;
        };
    }

    private State opened(boolean object) {
        if (depth == MOST_DEPTH) {
            return State.WRONG;
        }
        objects.set(depth++, object);
        return object ? State.KEY_OR_END : State.VALUE_OR_END;
    }

    private State closed() {
        depth--;
        return State.AFTER_VALUE;
    }

    private State afterValue(char c) {
        if (depth == 0) {
            return State.WRONG;
        }
        boolean object = objects.get(depth - 1);
        if (c == ',') {
            return object ? State.KEY : State.VALUE;
        }
        return c == (object ? '}' : ']') ? closed() : State.WRONG;
    }

    private State inString(char c) {
        if (c == '"') {
            return key ? State.COLON : State.AFTER_VALUE;
        }
        if (c < ' ') {
            return State.WRONG;
        }
        return c == '\\' ? State.ESCAPE : State.STRING;
    }

    private State escaped(char c) {
        hexDigits = 0;
        return switch (c) {
            case '"', '\\', '/', 'b', 'f', 'n', 'r', 't' -> State.STRING;
            case 'u' -> State.HEX;
            default -> State.WRONG;
        };
    }

    private State hex(char c) {
        boolean digit = isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!digit) {
            return State.WRONG;
        }
        return ++hexDigits == 4 ? State.STRING : State.HEX;
    }

    private State begun(String newWord) {
        word = newWord;
        wordAt = 1;
        return State.WORD;
    }

    private State inWord(char c) {
        if (word.charAt(wordAt) != c) {
            return State.WRONG;
        }
        return ++wordAt == word.length() ? State.AFTER_VALUE : State.WORD;
    }

    private State inNumber(char c) {
        boolean digit = isDigit(c);
        return switch (state) {
            case MINUS -> c == '0' ? State.ZERO : digit ? State.DIGITS : State.WRONG;
            case ZERO -> afterInteger(c);
            case DIGITS -> digit ? State.DIGITS : afterInteger(c);
            case POINT -> digit ? State.FRACTION : State.WRONG;
            case FRACTION -> digit ? State.FRACTION : c == 'e' || c == 'E' ? State.EXPONENT : afterNumber(c);
            case EXPONENT -> digit ? State.EXPONENT_DIGITS : c == '+' || c == '-' ? State.EXPONENT_SIGN : State.WRONG;
            case EXPONENT_SIGN -> digit ? State.EXPONENT_DIGITS : State.WRONG;
            case EXPONENT_DIGITS -> digit ? State.EXPONENT_DIGITS : afterNumber(c);
            default -> throw new IllegalStateException("not in a number: " + state);
        };
    }

    private State afterInteger(char c) {
        return switch (c) {
            case '.' -> State.POINT;
            case 'e', 'E' -> State.EXPONENT;
            default -> afterNumber(c);
        };
    }

    private State afterNumber(char c) {
        return isSpace(c) ? State.AFTER_VALUE : afterValue(c);
    }

    static boolean isSpace(char c) {
        return c == ' ' || c == '\n' || c == '\r' || c == '\t';
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }
}
