package dev.fathom.text.grammar;

import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Character sets that regular expressions name; {@code \d} and {@code \w} are ASCII, as in ECMA-262. */
final class UnicodeSets {
    static final CodePoints DIGITS = CodePoints.range('0', '9');
    static final CodePoints WORD =
            DIGITS.or(CodePoints.range('a', 'z')).or(CodePoints.range('A', 'Z')).or(CodePoints.of('_'));
    static final CodePoints LINE_ENDS = CodePoints.of("\n\r\u2028\u2029");
    static final CodePoints SPACES = CodePoints.of("\t\n\u000b\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff")
            .or(CodePoints.range(0x2000, 0x200a));

    private static final int LETTERS = bits(
            Character.UPPERCASE_LETTER,
            Character.LOWERCASE_LETTER,
            Character.TITLECASE_LETTER,
            Character.MODIFIER_LETTER,
            Character.OTHER_LETTER);
    private static final int MARKS =
            bits(Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.COMBINING_SPACING_MARK);
    private static final int NUMBERS =
            bits(Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER);
    private static final int PUNCTUATION = bits(
            Character.CONNECTOR_PUNCTUATION,
            Character.DASH_PUNCTUATION,
            Character.START_PUNCTUATION,
            Character.END_PUNCTUATION,
            Character.INITIAL_QUOTE_PUNCTUATION,
            Character.FINAL_QUOTE_PUNCTUATION,
            Character.OTHER_PUNCTUATION);
    private static final int SYMBOLS =
            bits(Character.MATH_SYMBOL, Character.CURRENCY_SYMBOL, Character.MODIFIER_SYMBOL, Character.OTHER_SYMBOL);
    private static final int SEPARATORS =
            bits(Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR);

    private static final Map<String, Integer> CATEGORIES = Map.ofEntries(
            Map.entry("l", LETTERS),
            Map.entry("letter", LETTERS),
            Map.entry("lu", bits(Character.UPPERCASE_LETTER)),
            Map.entry("uppercase_letter", bits(Character.UPPERCASE_LETTER)),
            Map.entry("ll", bits(Character.LOWERCASE_LETTER)),
            Map.entry("lowercase_letter", bits(Character.LOWERCASE_LETTER)),
            Map.entry("lt", bits(Character.TITLECASE_LETTER)),
            Map.entry("lm", bits(Character.MODIFIER_LETTER)),
            Map.entry("lo", bits(Character.OTHER_LETTER)),
            Map.entry("m", MARKS),
            Map.entry("mark", MARKS),
            Map.entry("mn", bits(Character.NON_SPACING_MARK)),
            Map.entry("mc", bits(Character.COMBINING_SPACING_MARK)),
            Map.entry("me", bits(Character.ENCLOSING_MARK)),
            Map.entry("n", NUMBERS),
            Map.entry("number", NUMBERS),
            Map.entry("nd", bits(Character.DECIMAL_DIGIT_NUMBER)),
            Map.entry("digit", bits(Character.DECIMAL_DIGIT_NUMBER)),
            Map.entry("nl", bits(Character.LETTER_NUMBER)),
            Map.entry("no", bits(Character.OTHER_NUMBER)),
            Map.entry("p", PUNCTUATION),
            Map.entry("punctuation", PUNCTUATION),
            Map.entry("s", SYMBOLS),
            Map.entry("symbol", SYMBOLS),
            Map.entry("sc", bits(Character.CURRENCY_SYMBOL)),
            Map.entry("sm", bits(Character.MATH_SYMBOL)),
            Map.entry("z", SEPARATORS),
            Map.entry("separator", SEPARATORS),
            Map.entry("zs", bits(Character.SPACE_SEPARATOR)));

    private UnicodeSets() {}

    /** The set that {@code \p{name}} means, or null for a name that is not known. */
    static @Nullable CodePoints property(String name) {
        int equals = name.indexOf('=');
        String key = equals < 0 ? "" : name.substring(0, equals);
        String value = name.substring(equals + 1);
        return switch (key) {
            case "", "gc", "General_Category" -> {
                Integer categories = CATEGORIES.get(value.toLowerCase(Locale.ROOT));
                yield categories == null
                        ? binary(value)
                        : CodePoints.where(c -> (categories >>> Character.getType(c) & 1) != 0);
            }
            case "sc", "Script", "scx", "Script_Extensions" -> script(value);
            default -> null;
        };
    }

    private static @Nullable CodePoints binary(String name) {
        IntPredicate test = switch (name) {
            case "Alphabetic", "Alpha" -> Character::isAlphabetic;
            case "Lowercase", "Lower" -> Character::isLowerCase;
            case "Uppercase", "Upper" -> Character::isUpperCase;
            case "Ideographic", "Ideo" -> Character::isIdeographic;
            case "Any" -> c -> true;
            case "ASCII" -> c -> c < 128;
            default -> null;
        };
        return test == null ? null : CodePoints.where(test);
    }

    private static @Nullable CodePoints script(String name) {
        for (Character.UnicodeScript script : Character.UnicodeScript.values()) {
            if (script.name().equalsIgnoreCase(name)) {
                return CodePoints.where(c -> Character.UnicodeScript.of(c) == script);
            }
        }
        return null;
    }

    private static int bits(int... categories) {
        int bits = 0;
        for (int category : categories) {
            bits |= 1 << category;
        }
        return bits;
    }
}
