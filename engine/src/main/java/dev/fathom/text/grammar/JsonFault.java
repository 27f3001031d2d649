package dev.fathom.text.grammar;

import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;

/** What is wrong with a text that should be JSON, in words for whoever sent it. */
public final class JsonFault {
    /** What the parser adds for those who program it: where it began to read, its options, its classes. */
    private static final Pattern FOR_PROGRAMMERS =
            Pattern.compile(" \\(start marker at .*|: enable `.*|, from `[^`]*`|\\R.*", Pattern.DOTALL);

    private JsonFault() {}

    /** For example {@code Unexpected character ('x' (code 120)) (line 2, column 7)}. */
    public static String describe(JacksonException fault) {
        String what = FOR_PROGRAMMERS
                .matcher(String.valueOf(fault.getOriginalMessage()))
                .replaceAll("")
                .strip();
        TokenStreamLocation at = fault.getLocation();
        return at == null ? what : what + " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
    }
}
