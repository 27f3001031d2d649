package dev.fathom.cli;

import java.util.Locale;

/** Numbers as people read them, with a point for the decimal whatever the locale. */
final class Units {
    private Units() {}

    @SuppressWarnings("AnnotateFormatMethod") // the annotation is in a library that is not ours
    static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }

    /** Decimal multiples: 27.3 MB, 671.0 GB. */
    static String bytes(long bytes) {
        if (bytes < 1_000) {
            return bytes + " B";
        }
        double value = bytes / 1e3;
        String[] units = {"KB", "MB", "GB", "TB"};
        int unit = 0;
        while (value >= 999.95 && unit < units.length - 1) {
            value /= 1e3;
            unit++;
        }
        return format("%.1f %s", value, units[unit]);
    }

    /** 524,288. */
    static String count(long count) {
        return format("%,d", count);
    }
}
