package dev.fathom.model.deepseek;

import dev.fathom.checkpoint.WeightSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.NamedWeights;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;

/**
 * What a part of the model is made from.
 *
 * @param named  its weights
 * @param arena  what the model allocates itself
 */
record LayerWeights(NamedWeights named, DeepSeekConfig config, ModelOptions options, Arena arena) {
    /** The same below a longer prefix: {@code at("self_attn")}. */
    LayerWeights at(String name) {
        return new LayerWeights(named.at(name), config, options, arena);
    }

    WeightSource source() {
        return named.source();
    }

    String prefix() {
        return named.prefix();
    }

    KernelBackend kernels() {
        return named.kernels();
    }

    boolean contains(String name) {
        return named.contains(name);
    }

    WeightMatrix matrix(String name, int rows, int cols) {
        return named.matrix(name, rows, cols);
    }

    LinearKernel linear(String name, int outputs, int inputs) {
        return named.linear(name, outputs, inputs);
    }

    /** [1, size] as float32. */
    Tensor vector(String name, int size) {
        return named.vector(name, size);
    }

    /** [1, size] of zeros, in place of a vector that the architecture does not have. */
    Tensor zeros(int size) {
        return kernels().place(new Tensor(arena.allocate(Tensor.byteSize(1, size), 64), 1, size));
    }
}
