package dev.fathom.kernels;

/**
 * The tokens that {@link KeyIndex#choose} chose for each row: what {@link KernelBackend#attendChosen} reads. A device keeps them
 * where it works, until the next choice or the next step.
 */
public interface RowChoice {
    /**
     * Each row as a sequence of its own with one query, whose context are the slots of the chosen tokens, in the order of
     * their positions. A device is waited for.
     */
    AttentionBatch batch();
}
