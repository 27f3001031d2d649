package dev.fathom.model;

import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.StepScratch;

/**
 * One step of the model: what to compute, then what to compute it with.
 *
 * @param tokenIds    [tokens], sequence after sequence, as {@code batch} says
 * @param batch       which row belongs to which sequence, positions and cache slots
 * @param outputRows  rows whose logits are wanted, ascending
 * @param kv          the cache that is read and written
 * @param kernels     the backend the model was loaded with
 * @param scratch     holds the step's temporaries and its result until it is reset
 */
public record StepContext(
        int[] tokenIds,
        AttentionBatch batch,
        int[] outputRows,
        PagedKv kv,
        KernelBackend kernels,
        Communicator comm,
        StepScratch scratch) {
    public StepContext {
        if (tokenIds.length != batch.tokens()) {
            throw new IllegalArgumentException(
                    tokenIds.length + " token ids for a batch of " + batch.tokens() + " rows");
        }
    }
}
