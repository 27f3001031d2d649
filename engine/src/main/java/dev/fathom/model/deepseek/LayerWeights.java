package dev.fathom.model.deepseek;

import dev.fathom.checkpoint.WeightSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.ModelOptions;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;

/**
 * Where a part of the model takes its weights from: names below one prefix, bound to one backend.
 *
 * @param prefix  ends with a dot, or is empty
 * @param arena   what the model allocates itself
 */
record LayerWeights(
        WeightSource source,
        String prefix,
        DeepSeekConfig config,
        KernelBackend kernels,
        ModelOptions options,
        Arena arena) {
    /** The same below a longer prefix: {@code at("self_attn")}. */
    LayerWeights at(String name) {
        return new LayerWeights(source, prefix + name + ".", config, kernels, options, arena);
    }

    boolean contains(String name) {
        return source.contains(prefix + name);
    }

    /** A weight [rows, cols] in its stored format, whole: one rank reads everything. */
    WeightMatrix matrix(String name, int rows, int cols) {
        return source.matrix(prefix + name, rows, cols);
    }

    LinearKernel linear(String name, int outputs, int inputs) {
        return kernels.bind(matrix(name, outputs, inputs));
    }

    /** [1, size] as float32. */
    Tensor vector(String name, int size) {
        return source.vector(prefix + name, size);
    }

    /** [1, size] of zeros, in place of a vector that the architecture does not have. */
    Tensor zeros(int size) {
        return new Tensor(arena.allocate(Tensor.byteSize(1, size), 64), 1, size);
    }
}
