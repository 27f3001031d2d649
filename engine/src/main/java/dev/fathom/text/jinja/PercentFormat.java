package dev.fathom.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;

/** {@code 'text %s' % values}. */
final class PercentFormat {
    private final Execution execution;
    private final String format;
    private final Object given;
    private final List<Object> values;
    private final StringBuilder out = new StringBuilder();
    private int at;
    private int used;
    private boolean byName;

    private PercentFormat(Execution execution, String format, Object given) {
        this.execution = execution;
        this.format = format;
        this.given = given;
        this.values = given instanceof PyList list && list.tuple() ? list.items() : List.of(given);
    }

    static String apply(Execution execution, String format, Object values) {
        PercentFormat run = new PercentFormat(execution, format, values);
        run.run();
        return execution.text(run.out.toString());
    }

    private void run() {
        while (at < format.length()) {
            int percent = format.indexOf('%', at);
            if (percent < 0) {
                break;
            }
            out.append(format, at, percent);
            at = percent + 1;
            conversion();
        }
        out.append(format, at, format.length());
        // Python takes whatever can be subscripted for a mapping, which need not be used.
        boolean spare = given instanceof PyDict
                || given instanceof PyRange
                || given instanceof Undefined
                || (given instanceof PyList list && !list.tuple());
        if (used < values.size() && !byName && !spare) {
            throw execution.error("not all arguments converted during string formatting");
        }
    }

    private char peek() {
        if (at >= format.length()) {
            throw execution.error("incomplete format");
        }
        return format.charAt(at);
    }

    private void conversion() {
        Object named = null;
        if (peek() == '(') {
            int end = format.indexOf(')', at);
            if (end < 0) {
                throw execution.error("incomplete format key");
            }
            named = named(format.substring(at + 1, end));
            at = end + 1;
        }
        String flags = "";
        while ("-+ 0#".indexOf(peek()) >= 0) {
            flags += peek();
            at++;
        }
        int width = number();
        if (width < 0) {
            flags += "-";
        }
        int precision = -1;
        if (peek() == '.') {
            at++;
            precision = Math.max(number(), 0);
        }
        while ("hlL".indexOf(peek()) >= 0) {
            at++;
        }
        char type = peek();
        at++;
        if (type == '%') {
            out.append('%');
            return;
        }
        Object value = named != null ? named : next();
        append(value, type, flags, Math.abs(width), precision);
    }

    private Object named(String key) {
        if (!(given instanceof PyDict dict)) {
            throw execution.error("format requires a mapping");
        }
        byName = true;
        Object value = dict.get(key);
        if (value == null) {
            throw execution.error("KeyError: '" + key + "'");
        }
        return value;
    }

    private Object next() {
        if (used >= values.size()) {
            throw execution.error("not enough arguments for format string");
        }
        return values.get(used++);
    }

    private int number() {
        if (peek() == '*') {
            at++;
            Long value = Types.integerOrNull(next());
            if (value == null) {
                throw execution.error("* wants int");
            }
            return bounded(value);
        }
        long value = 0;
        while (peek() >= '0' && peek() <= '9') {
            value = Math.min(value * 10 + peek() - '0', 1_000_000);
            at++;
        }
        return bounded(value);
    }

    private int bounded(long value) {
        if (Math.abs(value) > NumberFormat.MAX_DIGITS) {
            throw execution.error("a width or precision above " + NumberFormat.MAX_DIGITS + " is not supported");
        }
        return (int) value;
    }

    private void append(Object value, char type, String flags, int width, int precision) {
        switch (type) {
            case 's', 'r', 'a' -> {
                String text = type == 's' ? Printer.text(execution, value) : Printer.repr(execution, value);
                text = type == 'a' ? BraceFormat.ascii(text) : text;
                boolean cut = precision >= 0 && PyText.length(text) > precision;
                pad("", cut ? text.substring(0, PyText.offset(text, precision)) : text, flags.replace("0", ""), width);
            }
            case 'c' -> pad("", character(value), flags.replace("0", ""), width);
            case 'd', 'i', 'u', 'x', 'X', 'o' -> {
                BigInteger integer = integer(value, type);
                String digits = NumberFormat.integer(integer, type, false);
                digits = "0".repeat(Math.max(precision - digits.length(), 0)) + digits;
                String prefix = flags.contains("#") && type != 'd' && type != 'i' && type != 'u' ? "0" + type : "";
                pad(sign(integer.signum() < 0, flags) + prefix, digits, flags, width);
            }
            case 'e', 'E', 'f', 'F', 'g', 'G' -> {
                Operators.refuseUndefined(execution, value);
                if (!Types.isNumber(value)) {
                    throw execution.error("must be real number, not " + Types.name(value));
                }
                double number = Numbers.toDouble(execution, value);
                String digits = NumberFormat.floating(number, type, precision < 0 ? 6 : precision, flags.contains("#"));
                boolean finite = !Double.isNaN(number) && !Double.isInfinite(number);
                pad(sign(number < 0 || 1 / number < 0, flags), digits, finite ? flags : flags.replace("0", ""), width);
            }
            default -> throw execution.error("unsupported format character '" + type + "'");
        }
    }

    private String character(Object value) {
        String text = Types.textOrNull(value);
        if (text != null && PyText.length(text) == 1) {
            return text;
        }
        if (value instanceof Long number && number >= 0 && number <= Character.MAX_CODE_POINT) {
            return Character.toString(number.intValue());
        }
        throw execution.error("%c requires an int in range or a single character, not " + Types.name(value));
    }

    private BigInteger integer(Object value, char type) {
        Operators.refuseUndefined(execution, value);
        boolean decimal = type == 'd' || type == 'i' || type == 'u';
        if (value instanceof Double number && decimal) {
            if (Double.isNaN(number) || Double.isInfinite(number)) {
                throw execution.error("cannot convert float " + FloatText.of(number) + " to integer");
            }
            return new BigDecimal(number).toBigInteger();
        }
        if (!Types.isInteger(value)) {
            throw execution.error("%" + type + " format: " + (decimal ? "a real number" : "an integer")
                    + " is required, not " + Types.name(value));
        }
        return Numbers.big(value);
    }

    private static String sign(boolean negative, String flags) {
        return negative ? "-" : flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
    }

    private void pad(String prefix, String text, String flags, int width) {
        int missing = Math.max(width - prefix.length() - PyText.length(text), 0);
        execution.chargeText(missing);
        if (flags.contains("-")) {
            out.append(prefix).append(text).append(" ".repeat(missing));
        } else if (flags.contains("0")) {
            out.append(prefix).append("0".repeat(missing)).append(text);
        } else {
            out.append(" ".repeat(missing)).append(prefix).append(text);
        }
    }
}
