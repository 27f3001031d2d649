package dev.fathom.text.regex;

/** A pattern that cannot be read or is not supported, or a search that exceeded its bound on work. */
public final class RegexException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    RegexException(String message) {
        super(message);
    }

    static RegexException at(String pattern, int index, String problem) {
        return new RegexException(problem + " at index " + index + " of the pattern '" + abbreviated(pattern) + "'");
    }

    private static String abbreviated(String pattern) {
        return pattern.length() <= 200 ? pattern : pattern.substring(0, 200) + "...";
    }
}
