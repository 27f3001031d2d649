package dev.fathom.model;

import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.Shard;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.util.List;

/** Weights of a checkpoint in which some tensors were never stored. */
public record HidingWeights(WeightSource all, List<String> hidden) implements WeightSource {
    public HidingWeights {
        hidden.forEach(all::ignore);
    }

    @Override
    public boolean contains(String name) {
        return !hidden.contains(name) && all.contains(name);
    }

    @Override
    public WeightMatrix matrix(String name, int rows, int cols, Shard shard) {
        return all.matrix(requireShown(name), rows, cols, shard);
    }

    @Override
    public Tensor vector(String name, int size) {
        return all.vector(requireShown(name), size);
    }

    @Override
    public void ignore(String prefix) {
        all.ignore(prefix);
    }

    @Override
    public void requireAllUsed() {
        all.requireAllUsed();
    }

    @Override
    public void pageIn(LoadProgress progress, int threads) {
        all.pageIn(progress, threads);
    }

    @Override
    public long totalBytes() {
        return all.totalBytes();
    }

    @Override
    public void close() {
        all.close();
    }

    private String requireShown(String name) {
        if (hidden.contains(name)) {
            throw new AssertionError(name + " was asked for, though contains said that it is not there");
        }
        return name;
    }
}
