package dev.fathom.text;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Watches a text that comes in pieces for stop strings. For one stream, one thread.
 *
 * <p>The match is the stop string that is completed first; of several completed by the same character, the longest. That
 * does not depend on how the text is cut into pieces. Text that may turn out to be the beginning of a stop string is held
 * back.
 */
public final class StopMatcher {
    private final String[] stops;
    /** For each stop string and length of a partial match: the longest shorter partial match it contains. */
    private final int[][] shorter;
    /** For each stop string: how many of its characters the text ends with. */
    private final int[] progress;

    private final boolean includeStop;
    private final StringBuilder held = new StringBuilder();
    private @Nullable String matched;

    /**
     * @param stops       none of them empty; no strings at all let everything pass
     * @param includeStop whether the stop string itself belongs to the text
     * @throws IllegalArgumentException if a stop string is empty
     */
    public StopMatcher(List<String> stops, boolean includeStop) {
        if (stops.contains("")) {
            throw new IllegalArgumentException("a stop string is empty; leave it out");
        }
        this.stops = stops.toArray(String[]::new);
        this.includeStop = includeStop;
        this.progress = new int[this.stops.length];
        this.shorter = new int[this.stops.length][];
        for (int i = 0; i < this.stops.length; i++) {
            shorter[i] = borders(this.stops[i]);
        }
    }

    /** The text that is certain to come before any stop string; after a match always empty. */
    public String push(String text) {
        if (matched != null) {
            return "";
        }
        for (int at = 0; at < text.length(); at++) {
            int longest = advance(text.charAt(at));
            if (longest >= 0) {
                matched = stops[longest];
                held.append(text, 0, at + 1);
                if (!includeStop) {
                    held.setLength(held.length() - stops[longest].length());
                }
                return taken(0);
            }
        }
        held.append(text);
        int hold = 0;
        for (int partial : progress) {
            hold = Math.max(hold, partial);
        }
        return taken(hold);
    }

    /** What is still held back, as the text ends here; empty after a match. */
    public String finish() {
        return matched != null ? "" : taken(0);
    }

    /** The stop string that ended the text. */
    public Optional<String> matched() {
        return Optional.ofNullable(matched);
    }

    /** Moves every partial match on by one character; the longest stop string it completes, or -1. */
    private int advance(char c) {
        int longest = -1;
        for (int i = 0; i < stops.length; i++) {
            String stop = stops[i];
            int length = progress[i];
            while (length > 0 && stop.charAt(length) != c) {
                length = shorter[i][length];
            }
            progress[i] = stop.charAt(length) == c ? length + 1 : 0;
            if (progress[i] == stop.length() && (longest < 0 || stop.length() > stops[longest].length())) {
                longest = i;
            }
        }
        return longest;
    }

    private String taken(int hold) {
        String text = held.substring(0, held.length() - hold);
        held.delete(0, held.length() - hold);
        return text;
    }

    /** Knuth, Morris and Pratt's table: for each length the longest proper prefix of it that is also its suffix. */
    private static int[] borders(String stop) {
        int[] borders = new int[stop.length() + 1];
        int length = 0;
        for (int at = 1; at < stop.length(); at++) {
            while (length > 0 && stop.charAt(at) != stop.charAt(length)) {
                length = borders[length];
            }
            if (stop.charAt(at) == stop.charAt(length)) {
                length++;
            }
            borders[at + 1] = length;
        }
        return borders;
    }
}
