package dev.fathom.engine;

import dev.fathom.api.Guidance;

/** Follows a sequence and says where its request's guidance leaves the model no choice. */
final class Guide {
    private static final int[] ANY = {};

    private final Guidance guidance;
    private boolean reasoning;
    private int reasoningTokens;

    Guide(Guidance guidance) {
        this.guidance = guidance;
        this.reasoning = guidance.reasoningEnd() != Guidance.NO_REASONING;
    }

    /** The tokens of which the next must be one; empty if it may be any. */
    int[] allowed() {
        boolean over = reasoning && reasoningTokens >= guidance.maxReasoningTokens();
        return over ? new int[] {guidance.reasoningEnd()} : ANY;
    }

    /** The sequence goes on with this token. */
    void accept(int id) {
        if (id == guidance.reasoningEnd()) {
            reasoning = false;
        } else {
            reasoningTokens++;
        }
    }
}
