package dev.fathom.engine;

import dev.fathom.api.GenerationEvent;
import dev.fathom.api.GenerationRequest;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The log-probabilities of a prompt, collected as its rows are computed: the row of each position explains the token after
 * it. Rows of several steps add up, and a retraction loses none.
 */
final class PromptReport {
    /** Nothing needs to be computed for it any more. */
    private static final int COMPLETE = Integer.MAX_VALUE;

    private final int[] prompt;
    private final List<GenerationEvent.Token> tokens = new ArrayList<>();
    private int next;
    private boolean told;

    PromptReport(GenerationRequest request) {
        prompt = request.promptIds();
        next = request.reports().promptFrom();
        tokens.add(new GenerationEvent.Token(prompt[next], Float.NaN, List.of()));
    }

    /** The first position whose row is wanted; all before may come from the cache. */
    int reach() {
        return isComplete() ? COMPLETE : next;
    }

    /** How many rows of positions [from, to) are wanted; they are consecutive, and the first is {@link #reach}. */
    int rows(int from, int to) {
        int end = Math.min(to, prompt.length - 1);
        return from > next ? 0 : Math.max(0, end - next);
    }

    /** The token that the next row explains. */
    int explained() {
        return prompt[next + 1];
    }

    void add(GenerationEvent.Token token) {
        tokens.add(token);
        next++;
    }

    private boolean isComplete() {
        return next >= prompt.length - 1;
    }

    /** The whole report, once, when it is complete. */
    GenerationEvent.@Nullable Prompt take() {
        if (told || !isComplete()) {
            return null;
        }
        told = true;
        return new GenerationEvent.Prompt(List.copyOf(tokens));
    }
}
