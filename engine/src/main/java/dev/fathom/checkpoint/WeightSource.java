package dev.fathom.checkpoint;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;

/**
 * Weights by their published names. It remembers what was asked for, so that a tensor that nobody wanted is reported
 * like one that is missing.
 */
public interface WeightSource extends AutoCloseable {
    boolean contains(String name);

    /**
     * A matrix in its stored format, mapped, not copied. For an FP8 or INT8 weight {@code X.weight} the scales
     * {@code X.weight_scale_inv} of its blocks are joined, or {@code X.weight_scale} of INT8 rows.
     *
     * @param rows  of the whole weight, before sharding
     * @param cols  of the whole weight, before sharding
     * @throws CheckpointException if it is missing, has another shape, or a type that is not served
     */
    WeightMatrix matrix(String name, int rows, int cols, Shard shard);

    /** The whole matrix. */
    default WeightMatrix matrix(String name, int rows, int cols) {
        return matrix(name, rows, cols, Shard.WHOLE);
    }

    /** A vector as float32 [1, size]. */
    Tensor vector(String name, int size);

    /** Tensors whose names start with {@code prefix} are left unread on purpose. */
    void ignore(String prefix);

    /** @throws CheckpointException naming tensors that were neither read nor ignored */
    void requireAllUsed();

    /**
     * Reads every page once, with {@code threads} threads, so that the first requests do not wait for the disk. Tensors
     * that are ignored by then stay on disk, so this is best called after the model took its weights.
     *
     * @param progress  called from the calling thread
     * @throws CheckpointException if the files cannot be read to their end
     */
    void pageIn(LoadProgress progress, int threads);

    /**
     * As {@link #pageIn}, into pages of 2 MiB as far as Linux can; says how far it did.
     *
     * @throws CheckpointException also if these weights or this system cannot have such pages
     */
    default void pageInHuge(LoadProgress progress, int threads) {
        throw new CheckpointException(
                "--huge-pages is for weights that are mapped from files, and these are made at load: leave the flag out.");
    }

    /** Bytes of all tensors in the files. */
    long totalBytes();

    /** Unmaps the files; every matrix it gave becomes unusable. */
    @Override
    void close();
}
