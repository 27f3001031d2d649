package dev.fathom.cli;

import java.util.List;
import java.util.Optional;

/**
 * A flag of SGLang's server and what Fathom does with it.
 *
 * @param names         the usual name first, then its aliases, each with its two dashes
 * @param defaultValue  SGLang's default; asking for it asks for nothing, so it is accepted even where the flag is not
 * @param text          for {@link State#HOLDS} and {@link State#REFUSED}: why, as a sentence
 */
record Flag(List<String> names, Kind kind, Optional<String> defaultValue, State state, String text) {
    /** How many values follow a flag. */
    enum Kind {
        SWITCH,
        VALUE,
        OPTIONAL,
        LIST
    }

    /** What giving a flag leads to. */
    enum State {
        /** It is a flag of Fathom's too. */
        SERVED,
        /** It is accepted and printed: what it asks for holds anyway. */
        HOLDS,
        /** It is an error, unless the value is SGLang's default. */
        REFUSED
    }

    Flag {
        names = List.copyOf(names);
    }

    String name() {
        return names.getFirst();
    }

    /** Whether a value says what SGLang does without the flag. */
    boolean isDefault(String value) {
        return defaultValue.isPresent() && sameValue(defaultValue.get(), value);
    }

    private static boolean sameValue(String a, String b) {
        if (a.equals(b)) {
            return true;
        }
        try {
            return Double.parseDouble(a) == Double.parseDouble(b);
        } catch (NumberFormatException e) {
            return false; // not numbers, and not equal as text
        }
    }
}
