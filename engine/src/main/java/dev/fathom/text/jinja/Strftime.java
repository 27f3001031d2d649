package dev.fathom.text.jinja;

import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Dates as C's strftime writes them in the C locale. */
final class Strftime {
    private Strftime() {}

    static String format(Execution execution, ZonedDateTime time, String format) {
        StringBuilder out = new StringBuilder();
        execution.chargeText(format.length() * 8L);
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%') {
                out.append(c);
                continue;
            }
            if (++i >= format.length()) {
                throw execution.error("strftime_now: a lone % at the end of '" + format + "'");
            }
            boolean unpadded = format.charAt(i) == '-' && i + 1 < format.length();
            char directive = unpadded ? format.charAt(++i) : format.charAt(i);
            String value = value(time, directive);
            if (value == null) {
                throw execution.error("strftime_now: %" + directive + " is not supported");
            }
            out.append(unpadded ? withoutPadding(value) : value);
        }
        return out.toString();
    }

    private static String withoutPadding(String value) {
        int start = 0;
        while (start < value.length() - 1 && (value.charAt(start) == '0' || value.charAt(start) == ' ')) {
            start++;
        }
        return value.substring(start);
    }

    private static @Nullable String value(ZonedDateTime time, char directive) {
        return switch (directive) {
            case 'Y' -> Integer.toString(time.getYear());
            case 'm' -> by(time, "MM");
            case 'd' -> by(time, "dd");
            case 'e' -> String.format("%2d", time.getDayOfMonth());
            case 'H' -> by(time, "HH");
            case 'I' -> by(time, "hh");
            case 'M' -> by(time, "mm");
            case 'S' -> by(time, "ss");
            case 'f' -> by(time, "SSSSSS");
            case 'y' -> by(time, "yy");
            case 'B' -> by(time, "MMMM");
            case 'b', 'h' -> by(time, "MMM");
            case 'A' -> by(time, "EEEE");
            case 'a' -> by(time, "EEE");
            case 'p' -> by(time, "a").toUpperCase(Locale.ROOT);
            case 'j' -> String.format("%03d", time.getDayOfYear());
            case 'F' -> by(time, "yyyy-MM-dd");
            case 'T', 'X' -> by(time, "HH:mm:ss");
            case 'R' -> by(time, "HH:mm");
            case 'D', 'x' -> by(time, "MM/dd/yy");
            case 'c' -> by(time, "EEE MMM ") + String.format("%2d", time.getDayOfMonth()) + by(time, " HH:mm:ss yyyy");
            case 'u' -> Integer.toString(time.getDayOfWeek().getValue());
            case 'w' -> Integer.toString(time.getDayOfWeek().getValue() % 7);
            // The reference asks for local time without a zone, so both are empty.
            case 'Z', 'z' -> "";
            case 's' -> Long.toString(time.toEpochSecond());
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            default -> null;
        };
    }

    private static String by(ZonedDateTime time, String pattern) {
        return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time);
    }
}
