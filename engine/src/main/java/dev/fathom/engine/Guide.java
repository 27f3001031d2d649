package dev.fathom.engine;

import dev.fathom.api.Guidance;
import java.util.List;

/** Follows a sequence and says where its request's guidance leaves the model no choice, or little. */
final class Guide {
    private static final int[] ANY = {};

    private final Guidance guidance;
    private boolean reasoning;
    private int reasoningTokens;
    private List<int[]> openings;
    private int opened;

    Guide(Guidance guidance) {
        this.guidance = guidance;
        this.reasoning = guidance.reasoningEnd() != Guidance.NO_REASONING;
        this.openings = guidance.openings();
    }

    /** The tokens of which the next must be one; empty if it may be any. */
    int[] allowed() {
        if (reasoning) {
            return reasoningTokens >= guidance.maxReasoningTokens() ? new int[] {guidance.reasoningEnd()} : ANY;
        }
        return openings.stream().mapToInt(opening -> opening[opened]).distinct().toArray();
    }

    /** The sequence goes on with this token. */
    void accept(int id) {
        if (!reasoning) {
            openings = openings.stream()
                    .filter(opening -> opening[opened] == id && opening.length > opened + 1)
                    .toList();
            opened++;
        } else if (id == guidance.reasoningEnd()) {
            reasoning = false;
        } else {
            reasoningTokens++;
        }
    }
}
