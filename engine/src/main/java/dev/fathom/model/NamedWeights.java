package dev.fathom.model;

import dev.fathom.checkpoint.WeightSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;

/**
 * Where a part of a model takes its weights from: names below one prefix, bound to one backend.
 *
 * @param prefix  ends with a dot, or is empty
 */
public record NamedWeights(WeightSource source, String prefix, KernelBackend kernels) {
    /** The same below a longer prefix: {@code at("self_attn")}. */
    public NamedWeights at(String name) {
        return new NamedWeights(source, prefix + name + ".", kernels);
    }

    public boolean contains(String name) {
        return source.contains(prefix + name);
    }

    /** A weight [rows, cols] in its stored format, whole: one rank reads everything. */
    public WeightMatrix matrix(String name, int rows, int cols) {
        return source.matrix(prefix + name, rows, cols);
    }

    public LinearKernel linear(String name, int outputs, int inputs) {
        return kernels.bind(matrix(name, outputs, inputs));
    }

    /** [1, size] as float32, where the backend reads it. */
    public Tensor vector(String name, int size) {
        return kernels.place(source.vector(prefix + name, size));
    }
}
