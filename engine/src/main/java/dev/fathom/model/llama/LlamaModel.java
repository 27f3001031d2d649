package dev.fathom.model.llama;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvShape;
import dev.fathom.model.CausalLm;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.NamedWeights;
import dev.fathom.model.OutputHead;
import dev.fathom.model.Rope;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.util.ArrayList;
import java.util.List;

/**
 * Llama and Qwen2, as in the distilled R1 models. The residual stream is float32; weights stay in their stored format.
 *
 * @see "The Llama 3 Herd of Models, arXiv 2407.21783; Qwen2, arXiv 2407.10671"
 */
public final class LlamaModel implements CausalLm {
    /** In GGUF files that stand for Llama 3's stretching of rope, which their metadata does not mention. */
    private static final String ROPE_DIVISORS = "rope_freqs.weight";

    private final LlamaConfig config;
    private final int contextLength;
    private final Rope rope;
    private final WeightMatrix embedding;
    private final List<LlamaLayer> layers;
    private final OutputHead head;

    private LlamaModel(NamedWeights weights, LlamaConfig config, int contextLength) {
        this.config = config;
        this.contextLength = contextLength;
        rope = weights.contains(ROPE_DIVISORS) ? config.rope(divisors(weights, config.headDim() / 2)) : config.rope();
        embedding = weights.kernels()
                .place(weights.matrix("model.embed_tokens.weight", config.vocabSize(), config.hiddenSize()));
        List<LlamaLayer> decoders = new ArrayList<>();
        for (int layer = 0; layer < config.numHiddenLayers(); layer++) {
            decoders.add(new LlamaLayer(weights.at("model.layers." + layer), config, layer));
        }
        layers = List.copyOf(decoders);
        WeightMatrix headWeight = config.tieWordEmbeddings()
                ? embedding
                : weights.matrix("lm_head.weight", config.vocabSize(), config.hiddenSize());
        head = new OutputHead(
                weights.vector("model.norm.weight", config.hiddenSize()),
                config.rmsNormEps(),
                weights.kernels().bind(headWeight));
        weights.source().requireAllUsed();
    }

    /** Read from the checkpoint itself: the host computes with them. */
    private static float[] divisors(NamedWeights weights, int pairs) {
        float[] divisors =
                weights.source().vector(weights.prefix() + ROPE_DIVISORS, pairs).toArray();
        for (float divisor : divisors) {
            if (!(divisor > 0 && divisor <= Float.MAX_VALUE)) {
                throw new CheckpointException(
                        ROPE_DIVISORS + " holds " + divisor + ", and frequencies are to be divided by it: it must be"
                                + " positive and finite; the file is damaged, download it again.");
            }
        }
        return divisors;
    }

    /**
     * Binds every weight to {@code kernels}; nothing is computed yet. The weights stay those of {@code weights}, which
     * must stay open as long as the model is used.
     *
     * @throws CheckpointException if the config asks for something that is not served, or a tensor is missing, has
     *     another shape than the config says, or is not part of the architecture
     */
    public static LlamaModel load(HfConfig config, WeightSource weights, KernelBackend kernels, ModelOptions options) {
        LlamaConfig read = LlamaConfigReader.read(config);
        if (options.loadMtp()) {
            throw new CheckpointException(
                    config.where() + ": " + config.architecture() + " has no next-n prediction layer to draft with");
        }
        int contextLength = options.contextLength() > 0 ? options.contextLength() : read.maxPositionEmbeddings();
        return new LlamaModel(new NamedWeights(weights, "", kernels), read, contextLength);
    }

    @Override
    public int vocabularySize() {
        return config.vocabSize();
    }

    @Override
    public int contextLength() {
        return contextLength;
    }

    @Override
    public KvShape kvShape() {
        return KvShape.keysAndValues(layers.size(), config.keyValueHeads(), config.headDim());
    }

    @Override
    public StepOutput forward(StepContext step) {
        if (!step.kv().shape().equals(kvShape())) {
            throw new IllegalArgumentException(
                    "the cache is made for " + step.kv().shape() + ", the model needs " + kvShape());
        }
        int tokens = step.tokenIds().length;
        Tensor x = step.scratch().f32(tokens, config.hiddenSize());
        Tensor cos = step.scratch().f32(tokens, config.headDim() / 2);
        Tensor sin = step.scratch().f32(tokens, config.headDim() / 2);
        rope.rotations(step.batch().positions(), cos, sin, step.kernels());
        step.kernels().embed(embedding, step.tokenIds(), x);
        for (LlamaLayer layer : layers) {
            layer.forward(x, cos, sin, step);
        }
        return head.apply(x, step);
    }

    /** The model allocates nothing itself. */
    @Override
    public void close() {}
}
