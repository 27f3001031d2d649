package dev.fathom.api;

import java.util.List;

/**
 * Which log-probabilities a sequence reports beside those of its output.
 *
 * @param promptFrom  position of the first prompt token that is reported; {@link #NO_PROMPT} for none. Its own
 *                    log-probability is never known, because nothing before it is computed for that; the prompt is computed
 *                    from there on even where a prefix of it is cached further
 * @param ids         tokens that are reported with every token, likely or not
 */
public record TokenReports(int promptFrom, List<Integer> ids) {
    public static final int NO_PROMPT = -1;

    public static final TokenReports NONE = new TokenReports(NO_PROMPT, List.of());

    public TokenReports {
        ids = List.copyOf(ids);
    }

    public boolean ofPrompt() {
        return promptFrom != NO_PROMPT;
    }
}
