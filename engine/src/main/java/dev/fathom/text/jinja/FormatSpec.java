package dev.fathom.text.jinja;

import java.math.BigInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Python's format specification: {@code [[fill]align][sign][#][0][width][grouping][.precision][type]}.
 *
 * @param fill      one character
 * @param align     one of {@code < > ^ =}, or a blank for the type's own
 * @param grouping  {@code ,} or {@code _}, or a blank
 * @param precision -1 for none
 * @param type      a blank for the value's own
 */
record FormatSpec(
        String fill, char align, char sign, boolean alternate, int width, char grouping, int precision, char type) {
    private static final Pattern FORM = Pattern.compile(
            "(?:(?<fill>.)?(?<align>[<>^=]))?(?<sign>[-+ ])?(?<alternate>#)?(?<zero>0)?(?<width>\\d{1,9})?(?<grouping>[,_])?"
                    + "(?:\\.(?<precision>\\d{1,9}))?(?<type>[a-zA-Z%])?",
            Pattern.DOTALL);

    static FormatSpec parse(Execution execution, String spec) {
        Matcher form = FORM.matcher(spec);
        if (!form.matches()) {
            throw execution.error("Invalid format specifier '" + spec + "'");
        }
        boolean zero = form.group("zero") != null;
        String fill = form.group("fill");
        String align = form.group("align");
        return new FormatSpec(
                fill != null ? fill : zero && align == null ? "0" : zero ? "0" : " ",
                align != null ? align.charAt(0) : zero ? '=' : ' ',
                form.group("sign") == null ? '-' : form.group("sign").charAt(0),
                form.group("alternate") != null,
                bounded(execution, form.group("width"), 0),
                form.group("grouping") == null ? ' ' : form.group("grouping").charAt(0),
                bounded(execution, form.group("precision"), -1),
                form.group("type") == null ? ' ' : form.group("type").charAt(0));
    }

    private static int bounded(Execution execution, @Nullable String digits, int absent) {
        int value = digits == null ? absent : Integer.parseInt(digits);
        if (value > NumberFormat.MAX_DIGITS) {
            throw execution.error("a width or precision above " + NumberFormat.MAX_DIGITS + " is not supported");
        }
        return value;
    }

    String format(Execution execution, Object value) {
        boolean plain =
                fill.equals(" ") && align == ' ' && width == 0 && precision < 0 && type == ' ' && grouping == ' ';
        if (plain && sign == '-' && !alternate) {
            return Printer.text(execution, value);
        }
        if (Types.isText(value) || value instanceof Undefined) {
            return text(execution, value);
        }
        if (Types.isNumber(value)) {
            return number(execution, value);
        }
        throw execution.error("unsupported format string passed to " + Types.name(value) + ".__format__");
    }

    private String text(Execution execution, Object value) {
        if (type != 's' && type != ' ') {
            throw unknownType(execution, value);
        }
        if (align == '=' || sign != '-' || alternate || grouping != ' ') {
            throw execution.error("'=' alignment, sign, '#' and grouping are not allowed in string format specifier");
        }
        String text = Printer.text(execution, value);
        boolean cut = precision >= 0 && PyText.length(text) > precision;
        return padded(execution, "", cut ? text.substring(0, PyText.offset(text, precision)) : text, '<');
    }

    private JinjaException unknownType(Execution execution, Object value) {
        return execution.error("Unknown format code '" + type + "' for object of type '" + Types.name(value) + "'");
    }

    private String number(Execution execution, Object value) {
        boolean integer = Types.isInteger(value);
        if (value instanceof Boolean && type == ' ') {
            return text(execution, value);
        }
        if (integer && "dxXobn c".indexOf(type) >= 0) {
            return integer(execution, Numbers.big(value));
        }
        if ("eEfFgG% n".indexOf(type) < 0) {
            throw unknownType(execution, value);
        }
        double number = Numbers.toDouble(execution, value);
        String digits;
        if (type == '%') {
            digits = NumberFormat.floating(number * 100, 'f', precision < 0 ? 6 : precision, alternate) + "%";
        } else if (type == ' ' && precision < 0) {
            digits = FloatText.of(Math.abs(number));
        } else if (type == ' ') {
            digits = shortest(number);
        } else {
            digits = NumberFormat.floating(number, type == 'n' ? 'g' : type, precision < 0 ? 6 : precision, alternate);
        }
        boolean negative = number < 0 || 1 / number < 0;
        return padded(execution, sign(negative), group(digits, 3), '>');
    }

    /** Like g, but always with a digit behind the point. */
    private String shortest(double number) {
        String digits = NumberFormat.floating(number, 'g', precision, alternate);
        boolean whole = digits.chars().allMatch(c -> c >= '0' && c <= '9');
        if (!whole) {
            return digits;
        }
        return digits.length() < Math.max(precision, 1)
                ? digits + ".0"
                : NumberFormat.floating(number, 'e', Math.max(precision, 1) - 1, false);
    }

    private String integer(Execution execution, BigInteger value) {
        if (precision >= 0) {
            throw execution.error("Precision not allowed in integer format specifier");
        }
        if (type == 'c') {
            if (value.signum() < 0 || value.bitLength() > 21 || value.intValue() > Character.MAX_CODE_POINT) {
                throw execution.error("%c arg not in range(0x110000)");
            }
            return padded(execution, "", Character.toString(value.intValue()), '<');
        }
        String digits = NumberFormat.integer(value, type, false);
        String prefix = alternate && "xXob".indexOf(type) >= 0 ? "0" + type : "";
        return padded(
                execution, sign(value.signum() < 0) + prefix, group(digits, "xXob".indexOf(type) >= 0 ? 4 : 3), '>');
    }

    private String group(String digits, int size) {
        return grouping == ' ' ? digits : NumberFormat.grouped(digits, grouping, size);
    }

    private String sign(boolean negative) {
        return negative ? "-" : sign == '-' ? "" : Character.toString(sign);
    }

    private String padded(Execution execution, String prefix, String text, char own) {
        int missing = Math.max(width - prefix.length() - PyText.length(text), 0);
        execution.chargeText(missing);
        return switch (align == ' ' ? own : align) {
            case '<' -> prefix + text + fill.repeat(missing);
            case '^' -> fill.repeat(missing / 2) + prefix + text + fill.repeat(missing - missing / 2);
            case '=' -> prefix + fill.repeat(missing) + text;
            default -> fill.repeat(missing) + prefix + text;
        };
    }
}
