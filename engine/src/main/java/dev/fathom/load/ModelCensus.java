package dev.fathom.load;

import dev.fathom.checkpoint.DummyWeights;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.Shard;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.load.ModelSize.Amount;
import dev.fathom.model.CausalLm;
import dev.fathom.model.ModelOptions;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Counts what a model asks for when it is loaded. There is no second list of its tensors: the model's own class is loaded with weights
 * of no memory and a backend that notes what it is given. Of a deep model a few layers are loaded, and the others are like them.
 */
public final class ModelCensus {
    /** Published checkpoints have no such tensor. */
    private static final String GGUF_ONLY = "rope_freqs.weight";

    private ModelCensus() {}

    /** On a processor. */
    public static ModelSize of(HfConfig config, PlanFormat format) {
        return of(config, format, false);
    }

    /**
     * @param format  of the weights: {@link PlanFormat}
     * @param gpu     whether it is for a GPU, which keeps what is made of FP8 weights in FP8
     * @throws dev.fathom.checkpoint.CheckpointException if the model is not served
     */
    public static ModelSize of(HfConfig config, PlanFormat format, boolean gpu) {
        Architectures.requireServed(config);
        int layers = config.integer("num_hidden_layers");
        int dense = Math.min(config.integerOr("first_k_dense_replace", 0), layers);
        int firstDense = Math.min(dense, 1);
        // With d dense and n layers in all; what one layer more adds is what a layer of its kind takes.
        Count base = count(config, format, gpu, firstDense, firstDense + 1);
        Count moreLayers = count(config, format, gpu, firstDense, firstDense + 2);
        Count total = base.plus(moreLayers.plus(base, -1), layers - dense - 1L);
        if (dense > 1) {
            Count moreDense = count(config, format, gpu, 2, 3);
            total = total.plus(moreDense.plus(base, -1), dense - 1L);
        }
        int experts = config.integerOr("n_routed_experts", 0);
        double share = experts == 0 ? 0 : (double) config.integer("num_experts_per_tok") / experts;
        KvShape row = total.kvShape;
        return new ModelSize(
                total.numbers,
                total.bytes,
                total.heads.bytes(),
                total.linear,
                total.heads,
                total.keyValue,
                total.experts,
                share,
                new KvShape(layers, row.latentWidth(), row.ropeWidth(), row.indexWidth()),
                config.integer("max_position_embeddings"));
    }

    private record Count(
            long numbers, long bytes, Amount linear, Amount keyValue, Amount heads, Amount experts, KvShape kvShape) {
        Count plus(Count other, long times) {
            return new Count(
                    numbers + times * other.numbers,
                    bytes + times * other.bytes,
                    linear.plus(other.linear, times),
                    keyValue.plus(other.keyValue, times),
                    heads.plus(other.heads, times),
                    experts.plus(other.experts, times),
                    kvShape);
        }
    }

    private static Count count(HfConfig config, PlanFormat format, boolean gpu, int dense, int layers) {
        HfConfig small = config.with(
                Map.of("first_k_dense_replace", dense, "num_hidden_layers", layers, "num_nextn_predict_layers", 0));
        Notes notes = new Notes(gpu);
        KernelBackend backend = (KernelBackend)
                Proxy.newProxyInstance(ModelCensus.class.getClassLoader(), new Class<?>[] {KernelBackend.class}, notes);
        try (DummyWeights weights = format.weights(config).withoutNumbers()) {
            Named named = new Named(weights, notes);
            try (CausalLm model = Architectures.load(small, named, backend, ModelOptions.DEFAULT)) {
                return new Count(
                        weights.numbers(),
                        weights.totalBytes(),
                        notes.linear,
                        notes.keyValue,
                        notes.heads,
                        notes.experts,
                        model.kvShape());
            }
        }
    }

    /** Tells which matrix is kv_b_proj. */
    private record Named(DummyWeights weights, Notes notes) implements dev.fathom.checkpoint.WeightSource {
        @Override
        public boolean contains(String name) {
            return !name.equals(GGUF_ONLY);
        }

        @Override
        public WeightMatrix matrix(String name, int rows, int cols, Shard shard) {
            WeightMatrix matrix = weights.matrix(name, rows, cols, shard);
            if (name.endsWith(".kv_b_proj.weight")) {
                notes.lastKeyValue = matrix;
            }
            return matrix;
        }

        @Override
        public Tensor vector(String name, int size) {
            return weights.vector(name, size);
        }

        @Override
        public void ignore(String prefix) {
            weights.ignore(prefix);
        }

        @Override
        public void requireAllUsed() {
            weights.requireAllUsed();
        }

        @Override
        public void pageIn(dev.fathom.checkpoint.LoadProgress progress, int threads) {
            weights.pageIn(progress, threads);
        }

        @Override
        public long totalBytes() {
            return weights.totalBytes();
        }

        @Override
        public void close() {
            weights.close();
        }
    }

    /** A backend that computes nothing and adds up what is bound to it. */
    private static final class Notes implements InvocationHandler {
        private final boolean gpu;
        private Amount linear = Amount.NONE;
        private Amount keyValue = Amount.NONE;
        private Amount heads = Amount.NONE;
        private Amount experts = Amount.NONE;
        private @Nullable WeightMatrix lastKeyValue;

        Notes(boolean gpu) {
            this.gpu = gpu;
        }

        @Override
        public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments) throws Throwable {
            return switch (method.getName()) {
                case "name", "description" -> "counting";
                case "keepsHeadsInFp8" -> gpu;
                case "keyIndex" -> unused(KeyIndex.class);
                case "bind" -> bound((WeightMatrix) first(arguments));
                case "bindHeads" -> {
                    heads = heads.plus(amount((WeightMatrix) first(arguments)), 1);
                    yield unused(HeadsKernel.class);
                }
                case "bindExperts" -> {
                    for (Object expert : (List<?>) first(arguments)) {
                        ExpertWeights weights = (ExpertWeights) expert;
                        for (WeightMatrix matrix : List.of(weights.gate(), weights.up(), weights.down())) {
                            experts = experts.plus(amount(matrix), 1);
                        }
                    }
                    yield unused(ExpertsKernel.class);
                }
                default -> {
                    if (method.isDefault()) {
                        yield InvocationHandler.invokeDefault(proxy, method, arguments);
                    }
                    throw new UnsupportedOperationException(method + " computes; this backend only counts");
                }
            };
        }

        private static Object first(Object @Nullable [] arguments) {
            return Objects.requireNonNull(arguments, "this operation has arguments")[0];
        }

        @SuppressWarnings("ReferenceEquality") // the same matrix, not an equal one
        private LinearKernel bound(WeightMatrix weight) {
            if (weight == lastKeyValue) {
                keyValue = keyValue.plus(amount(weight), 1);
            } else {
                linear = linear.plus(amount(weight), 1);
            }
            return new Counted(weight);
        }

        private static Amount amount(WeightMatrix weight) {
            return new Amount(weight.bytes(), (long) weight.rows() * weight.cols());
        }

        private static <T> T unused(Class<T> type) {
            return type.cast(Proxy.newProxyInstance(
                    ModelCensus.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                        throw new UnsupportedOperationException(method + " computes; this kernel is only counted");
                    }));
        }
    }

    /** Knows its shape, which models look at. */
    private record Counted(WeightMatrix weight) implements LinearKernel {
        @Override
        public int rows() {
            return weight.rows();
        }

        @Override
        public int cols() {
            return weight.cols();
        }

        @Override
        public void apply(Tensor x, Tensor y) {
            throw new UnsupportedOperationException("this kernel is only counted");
        }
    }
}
