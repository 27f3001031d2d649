package dev.fathom.model;

import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.Shard;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;

/** Weights of a checkpoint and one vector more. */
public record AddedVector(WeightSource others, String name, Tensor added) implements WeightSource {
    @Override
    public boolean contains(String wanted) {
        return wanted.equals(name) || others.contains(wanted);
    }

    @Override
    public WeightMatrix matrix(String wanted, int rows, int cols, Shard shard) {
        return others.matrix(wanted, rows, cols, shard);
    }

    @Override
    public Tensor vector(String wanted, int size) {
        return wanted.equals(name) ? added : others.vector(wanted, size);
    }

    @Override
    public void ignore(String prefix) {
        others.ignore(prefix);
    }

    @Override
    public void requireAllUsed() {
        others.requireAllUsed();
    }

    @Override
    public void pageIn(LoadProgress progress, int threads) {
        others.pageIn(progress, threads);
    }

    @Override
    public long totalBytes() {
        return others.totalBytes();
    }

    @Override
    public void close() {
        others.close();
    }
}
