package dev.fathom.model;

/** How MLA is computed. Both forms give the same numbers up to rounding; they differ in cost. */
public enum AttentionForm {
    /** For each sequence of each step the form that needs fewer multiply-adds. */
    AUTO,
    /** Keys and values are expanded from the latent for every key, chunk by chunk. */
    EXPANDED,
    /** Queries are projected into the latent space; attention runs over the cache itself. */
    ABSORBED
}
