package dev.fathom.text.regex;

import static java.util.Map.entry;

import java.lang.Character.UnicodeScript;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Character properties by the names Oniguruma knows: general categories, POSIX brackets, scripts. */
final class Properties {
    static final IntPredicate SPACE = Properties::isSpace;
    static final IntPredicate DIGIT = Properties::isDigit;
    static final IntPredicate WORD = Properties::isWord;
    static final IntPredicate HEX = Properties::isHex;

    private static final Map<String, Integer> CATEGORIES = Map.ofEntries(
            entry("lu", mask(Character.UPPERCASE_LETTER)),
            entry("ll", mask(Character.LOWERCASE_LETTER)),
            entry("lt", mask(Character.TITLECASE_LETTER)),
            entry("lm", mask(Character.MODIFIER_LETTER)),
            entry("lo", mask(Character.OTHER_LETTER)),
            entry("mn", mask(Character.NON_SPACING_MARK)),
            entry("me", mask(Character.ENCLOSING_MARK)),
            entry("mc", mask(Character.COMBINING_SPACING_MARK)),
            entry("nd", mask(Character.DECIMAL_DIGIT_NUMBER)),
            entry("nl", mask(Character.LETTER_NUMBER)),
            entry("no", mask(Character.OTHER_NUMBER)),
            entry("zs", mask(Character.SPACE_SEPARATOR)),
            entry("zl", mask(Character.LINE_SEPARATOR)),
            entry("zp", mask(Character.PARAGRAPH_SEPARATOR)),
            entry("cc", mask(Character.CONTROL)),
            entry("cf", mask(Character.FORMAT)),
            entry("co", mask(Character.PRIVATE_USE)),
            entry("cs", mask(Character.SURROGATE)),
            entry("cn", mask(Character.UNASSIGNED)),
            entry("pd", mask(Character.DASH_PUNCTUATION)),
            entry("ps", mask(Character.START_PUNCTUATION)),
            entry("pe", mask(Character.END_PUNCTUATION)),
            entry("pc", mask(Character.CONNECTOR_PUNCTUATION)),
            entry("po", mask(Character.OTHER_PUNCTUATION)),
            entry("pi", mask(Character.INITIAL_QUOTE_PUNCTUATION)),
            entry("pf", mask(Character.FINAL_QUOTE_PUNCTUATION)),
            entry("sm", mask(Character.MATH_SYMBOL)),
            entry("sc", mask(Character.CURRENCY_SYMBOL)),
            entry("sk", mask(Character.MODIFIER_SYMBOL)),
            entry("so", mask(Character.OTHER_SYMBOL)));

    private static final Map<String, String> LONG_NAMES = Map.ofEntries(
            entry("letter", "l"),
            entry("mark", "m"),
            entry("number", "n"),
            entry("punctuation", "p"),
            entry("symbol", "s"),
            entry("separator", "z"),
            entry("other", "c"),
            entry("uppercaseletter", "lu"),
            entry("lowercaseletter", "ll"),
            entry("titlecaseletter", "lt"),
            entry("modifierletter", "lm"),
            entry("otherletter", "lo"),
            entry("nonspacingmark", "mn"),
            entry("enclosingmark", "me"),
            entry("spacingmark", "mc"),
            entry("decimalnumber", "nd"),
            entry("letternumber", "nl"),
            entry("othernumber", "no"),
            entry("spaceseparator", "zs"),
            entry("control", "cc"),
            entry("format", "cf"),
            entry("unassigned", "cn"),
            entry("mathsymbol", "sm"),
            entry("currencysymbol", "sc"),
            entry("modifiersymbol", "sk"),
            entry("othersymbol", "so"),
            entry("dashpunctuation", "pd"),
            entry("connectorpunctuation", "pc"),
            entry("otherpunctuation", "po"));

    private Properties() {}

    /** The property of that name, case, blanks, hyphens and underscores aside; null when there is none. */
    static @Nullable IntPredicate named(String given) {
        String name = given.toLowerCase(Locale.ROOT).replaceAll("[ _-]", "");
        name = LONG_NAMES.getOrDefault(name, name);
        int mask = 0;
        for (Map.Entry<String, Integer> category : CATEGORIES.entrySet()) {
            if (category.getKey().equals(name)
                    || (name.length() == 1 && category.getKey().startsWith(name))) {
                mask |= category.getValue();
            }
        }
        if (mask != 0) {
            int wanted = mask;
            return c -> ((wanted >>> Character.getType(c)) & 1) != 0;
        }
        IntPredicate posix = posix(name);
        return posix != null ? posix : script(given);
    }

    /** The class of a POSIX bracket such as {@code [:alpha:]}; null when there is none of that name. */
    static @Nullable IntPredicate posix(String name) {
        return switch (name) {
            case "alpha" -> Character::isAlphabetic;
            case "alnum" -> c -> Character.isAlphabetic(c) || in(c, "Nd");
            case "digit" -> DIGIT;
            case "space" -> SPACE;
            case "word" -> Properties::isPosixWord;
            case "xdigit" -> HEX;
            case "upper" -> Character::isUpperCase;
            case "lower" -> Character::isLowerCase;
            case "cntrl" -> c -> in(c, "Cc");
            case "blank" -> c -> c == '\t' || in(c, "Zs");
            case "punct" -> c -> in(c, "P") || in(c, "S");
            case "graph" -> Properties::isGraph;
            case "print" -> c -> isGraph(c) || in(c, "Zs");
            case "ascii" -> c -> c < 128;
            case "any" -> c -> true;
            case "assigned" -> c -> !in(c, "Cn");
            default -> null;
        };
    }

    private static @Nullable IntPredicate script(String name) {
        for (UnicodeScript script : UnicodeScript.values()) {
            if (script.name().equalsIgnoreCase(name.replace(' ', '_').replace('-', '_'))) {
                return c -> UnicodeScript.of(c) == script;
            }
        }
        return null;
    }

    private static boolean isSpace(int c) {
        return (c >= 9 && c <= 13) || c == 0x85 || c == 0x2028 || c == 0x2029 || in(c, "Zs");
    }

    private static boolean isDigit(int c) {
        return in(c, "Nd");
    }

    private static boolean isPosixWord(int c) {
        return Character.isAlphabetic(c) || in(c, "M") || in(c, "Nd") || in(c, "Pc");
    }

    /** The reference's {@code \\w} counts the superscripts and fractions of Latin-1, too, its {@code [:word:]} does not. */
    private static boolean isWord(int c) {
        return isPosixWord(c) || (c < 256 && Character.getType(c) == Character.OTHER_NUMBER);
    }

    private static boolean isHex(int c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }

    private static boolean isGraph(int c) {
        return !isSpace(c) && !in(c, "Cc") && !in(c, "Cn") && !in(c, "Cs");
    }

    private static int mask(byte type) {
        return 1 << type;
    }

    private static boolean in(int codePoint, String category) {
        int type = Character.getType(codePoint);
        return switch (category) {
            case "Zs" -> type == Character.SPACE_SEPARATOR;
            case "Nd" -> type == Character.DECIMAL_DIGIT_NUMBER;
            case "Pc" -> type == Character.CONNECTOR_PUNCTUATION;
            case "Cc" -> type == Character.CONTROL;
            case "Cn" -> type == Character.UNASSIGNED;
            case "Cs" -> type == Character.SURROGATE;
            case "M" ->
                type == Character.NON_SPACING_MARK
                        || type == Character.ENCLOSING_MARK
                        || type == Character.COMBINING_SPACING_MARK;
            case "P" ->
                (type >= Character.DASH_PUNCTUATION && type <= Character.OTHER_PUNCTUATION)
                        || type == Character.INITIAL_QUOTE_PUNCTUATION
                        || type == Character.FINAL_QUOTE_PUNCTUATION;
            case "S" -> type >= Character.MATH_SYMBOL && type <= Character.OTHER_SYMBOL;
            default -> throw new IllegalArgumentException("no category " + category);
        };
    }
}
