package dev.fathom.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters on numbers. */
final class NumberFilters {
    private NumberFilters() {}

    static void register(Map<String, Filters.Filter> filters) {
        filters.put("int", NumberFilters::toInt);
        filters.put("float", NumberFilters::toFloat);
        filters.put("abs", NumberFilters::abs);
        filters.put("round", NumberFilters::round);
        filters.put("filesizeformat", NumberFilters::fileSize);
    }

    private static Object toInt(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("int", 0, "default", "base");
        Operators.refuseUndefined(execution, value);
        String text = Types.textOrNull(value);
        if (text != null) {
            execution.chargeText(text.length());
            BigInteger number = integer(text, bound.integer(1, 10));
            if (number != null) {
                return Numbers.compact(number);
            }
            Double floating = floating(text);
            if (floating == null || floating.isNaN() || floating.isInfinite()) {
                return bound.value(0, 0L);
            }
            return truncated(floating);
        }
        if (value instanceof Double number) {
            if (number.isInfinite()) {
                throw execution.error("cannot convert float infinity to integer");
            }
            return number.isNaN() ? bound.value(0, 0L) : truncated(number);
        }
        return Types.isInteger(value) ? Numbers.compact(Numbers.big(value)) : bound.value(0, 0L);
    }

    private static Object truncated(double value) {
        return Numbers.compact(new BigDecimal(value).toBigInteger());
    }

    /** As Python's {@code int} reads a string; null if it cannot. */
    private static @Nullable BigInteger integer(String given, int base) {
        String text = PyText.strip(given, null, true, true).toLowerCase(Locale.ROOT);
        boolean negative = text.startsWith("-");
        text = negative || text.startsWith("+") ? text.substring(1) : text;
        int radix = base;
        for (String prefix : new String[] {"0x", "0o", "0b"}) {
            int its = prefix.equals("0x") ? 16 : prefix.equals("0o") ? 8 : 2;
            if (text.startsWith(prefix) && (base == its || base == 0)) {
                text = text.substring(text.startsWith("_", 2) ? 3 : 2);
                radix = its;
            }
        }
        radix = radix == 0 ? 10 : radix;
        boolean underscores = text.startsWith("_") || text.endsWith("_") || text.contains("__");
        String digits = text.replace("_", "");
        int wanted = radix;
        boolean readable = radix >= 2
                && radix <= 36
                && !digits.isEmpty()
                && digits.length() <= 4300
                && digits.codePoints().allMatch(c -> Character.digit(c, wanted) >= 0);
        if (underscores || !readable) {
            return null;
        }
        StringBuilder ascii = new StringBuilder();
        digits.codePoints().forEach(c -> ascii.append(Character.forDigit(Character.digit(c, wanted), wanted)));
        BigInteger value = new BigInteger(ascii.toString(), radix);
        return negative ? value.negate() : value;
    }

    /** As Python's {@code float} reads a string; null if it cannot. */
    private static @Nullable Double floating(String given) {
        String text = PyText.strip(given, null, true, true).toLowerCase(Locale.ROOT);
        String unsigned = text.startsWith("-") || text.startsWith("+") ? text.substring(1) : text;
        if (unsigned.equals("inf") || unsigned.equals("infinity")) {
            return text.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        }
        if (unsigned.equals("nan")) {
            return Double.NaN;
        }
        boolean form = unsigned.length() <= 4300
                && unsigned.matches(
                        "(?:\\d+(?:_\\d+)*+\\.?(?:\\d+(?:_\\d+)*+)?|\\.\\d+(?:_\\d+)*+)(?:e[-+]?\\d+(?:_\\d+)*+)?");
        return form ? Double.valueOf(text.replace("_", "")) : null;
    }

    private static Object toFloat(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("float", 0, "default");
        Operators.refuseUndefined(execution, value);
        String text = Types.textOrNull(value);
        if (text != null) {
            execution.chargeText(text.length());
            Double number = floating(text);
            return number != null ? number : bound.value(0, 0.0);
        }
        return Types.isNumber(value) ? Numbers.toDouble(execution, value) : bound.value(0, 0.0);
    }

    private static Object abs(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        arguments.bind("abs", 0);
        requireNumber(execution, value, "abs");
        if (value instanceof Double number) {
            return Math.abs(number);
        }
        return Numbers.compact(Numbers.big(value).abs());
    }

    private static void requireNumber(Execution execution, Object value, String what) {
        Operators.refuseUndefined(execution, value);
        if (!Types.isNumber(value)) {
            throw execution.error("bad operand type for " + what + "(): '" + Types.name(value) + "'");
        }
    }

    private static Object round(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        Arguments.Bound bound = arguments.bind("round", 0, "precision", "method");
        int precision = bound.integer(0, 0);
        String method = bound.text(1, "common");
        requireNumber(execution, value, "round");
        if (Math.abs(precision) > 400) {
            throw execution.error("round: a precision beyond 400 digits is not supported");
        }
        return switch (method) {
            case "common" -> common(execution, value, precision);
            case "ceil", "floor" -> {
                double scale = Math.pow(10, precision);
                double scaled = Numbers.toDouble(execution, value) * scale;
                yield (method.equals("ceil") ? Math.ceil(scaled) : Math.floor(scaled)) / scale;
            }
            default -> throw execution.error("method must be common, ceil or floor");
        };
    }

    private static Object common(Execution execution, Object value, int precision) {
        if (value instanceof Double number) {
            if (number.isNaN() || number.isInfinite()) {
                return number;
            }
            double rounded = new BigDecimal(number)
                    .setScale(precision, RoundingMode.HALF_EVEN)
                    .doubleValue();
            return Math.copySign(rounded, number);
        }
        BigDecimal exact = new BigDecimal(Numbers.big(value));
        execution.charge(1);
        return Numbers.compact(
                precision >= 0
                        ? exact.toBigInteger()
                        : exact.setScale(precision, RoundingMode.HALF_EVEN).toBigInteger());
    }

    private static Object fileSize(Object value, Arguments arguments) {
        Execution execution = arguments.execution();
        boolean binary = arguments.bind("filesizeformat", 0, "binary").flag(0, false);
        Double parsed = Types.isText(value) ? floating(Printer.text(execution, value)) : null;
        if (parsed == null) {
            requireNumber(execution, value, "filesizeformat");
            parsed = Numbers.toDouble(execution, value);
        }
        double bytes = parsed;
        int base = binary ? 1024 : 1000;
        if (bytes == 1) {
            return "1 Byte";
        }
        if (bytes < base) {
            return (long) bytes + " Bytes";
        }
        String units = binary ? "KMGTPEZY" : "kMGTPEZY";
        double unit = base;
        int index = 0;
        while (bytes >= unit * base && index < units.length() - 1) {
            unit *= base;
            index++;
        }
        // Python multiplies first and divides by the next unit; so the last digit is the same.
        String number = NumberFormat.floating(base * bytes / (unit * base), 'f', 1, false);
        return (bytes < 0 ? "-" : "") + number + " " + units.charAt(index) + (binary ? "iB" : "B");
    }
}
