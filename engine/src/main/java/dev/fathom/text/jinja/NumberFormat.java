package dev.fathom.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** Numbers written with a given number of digits, for {@code %} and {@code format}. */
final class NumberFormat {
    /** Digits behind the point, and width: beyond it a template only wants memory. */
    static final int MAX_DIGITS = 10_000;

    private NumberFormat() {}

    /**
     * The digits of a float without its sign.
     *
     * @param type      one of e, f, g and their capitals
     * @param alternate keeps the point and, for g, trailing zeros
     */
    static String floating(double value, char type, int precision, boolean alternate) {
        char kind = Character.toLowerCase(type);
        String text;
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            text = Double.isNaN(value) ? "nan" : "inf";
        } else {
            BigDecimal exact = new BigDecimal(Math.abs(value));
            text = switch (kind) {
                case 'f' -> fixed(exact, precision, alternate);
                case 'e' -> exponent(exact, precision, alternate);
                default -> general(exact, precision, alternate);
            };
        }
        return kind == type ? text : text.toUpperCase(Locale.ROOT);
    }

    private static String fixed(BigDecimal value, int precision, boolean alternate) {
        String text = value.setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
        return alternate && precision == 0 ? text + "." : text;
    }

    private static String exponent(BigDecimal value, int precision, boolean alternate) {
        String digits;
        int exponent;
        if (value.signum() == 0) {
            digits = "0".repeat(precision + 1);
            exponent = 0;
        } else {
            BigDecimal rounded = value.round(new MathContext(precision + 1, RoundingMode.HALF_EVEN));
            digits = rounded.unscaledValue().toString();
            exponent = digits.length() - 1 - rounded.scale();
            digits = digits.length() > precision + 1
                    ? digits.substring(0, precision + 1)
                    : digits + "0".repeat(precision + 1 - digits.length());
        }
        String point = precision > 0 || alternate ? "." : "";
        return digits.charAt(0) + point + digits.substring(1) + power(exponent);
    }

    private static String power(int exponent) {
        String digits = Integer.toString(Math.abs(exponent));
        return (exponent < 0 ? "e-" : "e+") + (digits.length() < 2 ? "0" : "") + digits;
    }

    private static String general(BigDecimal value, int precision, boolean alternate) {
        int significant = Math.max(precision, 1);
        int exponent = 0;
        if (value.signum() != 0) {
            BigDecimal rounded = value.round(new MathContext(significant, RoundingMode.HALF_EVEN));
            exponent = rounded.precision() - 1 - rounded.scale();
        }
        if (exponent < -4 || exponent >= significant) {
            String text = exponent(value, significant - 1, alternate);
            int e = text.indexOf('e');
            return alternate ? text : withoutTrailingZeros(text.substring(0, e)) + text.substring(e);
        }
        String text = fixed(value, significant - 1 - exponent, alternate);
        return alternate ? text : withoutTrailingZeros(text);
    }

    private static String withoutTrailingZeros(String text) {
        if (text.indexOf('.') < 0) {
            return text;
        }
        int end = text.length();
        while (text.charAt(end - 1) == '0') {
            end--;
        }
        return text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
    }

    /** The digits of an int without its sign; with a prefix such as 0x when asked for. */
    static String integer(BigInteger value, char type, boolean prefixed) {
        BigInteger absolute = value.abs();
        return switch (type) {
            case 'x' -> (prefixed ? "0x" : "") + absolute.toString(16);
            case 'X' -> (prefixed ? "0X" : "") + absolute.toString(16).toUpperCase(Locale.ROOT);
            case 'o' -> (prefixed ? "0o" : "") + absolute.toString(8);
            case 'b' -> (prefixed ? "0b" : "") + absolute.toString(2);
            default -> absolute.toString();
        };
    }

    /** Puts a separator between groups of the digits before the point. */
    static String grouped(String digits, char separator, int group) {
        int end = 0;
        while (end < digits.length() && Character.digit(digits.charAt(end), 16) >= 0 && digits.charAt(end) != 'e') {
            end++;
        }
        StringBuilder out = new StringBuilder(digits);
        for (int at = end - group; at > 0; at -= group) {
            out.insert(at, separator);
        }
        return out.toString();
    }
}
