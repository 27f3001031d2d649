package dev.fathom.api;

/** What a sequence's tokens must follow, for example a grammar. Immutable; many sequences may share one. */
@FunctionalInterface
public interface TokenConstraint {
    /** A mask for a new sequence, before its first generated token. */
    TokenMask begin();
}
