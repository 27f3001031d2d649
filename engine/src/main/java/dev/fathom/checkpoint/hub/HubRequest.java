package dev.fathom.checkpoint.hub;

import java.util.Optional;

/**
 * What is wanted of a repository.
 *
 * @param revision  a branch, tag or commit; empty is the hub's default
 */
public record HubRequest(HubId id, Optional<String> revision, Part part) {
    /** Which files are needed. */
    public enum Part {
        /** All that a model is loaded from. */
        MODEL,
        /** What is not weights: configuration, tokenizer, template. */
        CONFIGURATION
    }
}
