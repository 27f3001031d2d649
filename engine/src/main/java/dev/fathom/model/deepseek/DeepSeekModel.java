package dev.fathom.model.deepseek;

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
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * DeepSeek-V2, V3 and V3.2. The residual stream is float32; weights stay in their stored format.
 *
 * @see "DeepSeek-V2, arXiv 2405.04434; DeepSeek-V3, arXiv 2412.19437; DeepSeek-V3.2, arXiv 2512.02556"
 */
public final class DeepSeekModel implements CausalLm {
    private final DeepSeekConfig config;
    private final ModelOptions options;
    private final Arena arena;
    private final Rope rope;
    private final WeightMatrix embedding;
    private final List<DecoderLayer> layers;
    private final OutputHead head;
    private final @Nullable MtpLayer mtp;

    private DeepSeekModel(LayerWeights weights) {
        config = weights.config();
        options = weights.options();
        arena = weights.arena();
        rope = config.rope();
        float softmaxScale = config.softmaxScale();
        embedding = weights.kernels()
                .place(weights.matrix("model.embed_tokens.weight", config.vocabSize(), config.hiddenSize()));
        List<DecoderLayer> decoders = new ArrayList<>();
        for (int layer = 0; layer < config.numHiddenLayers(); layer++) {
            decoders.add(new DecoderLayer(weights.at("model.layers." + layer), layer, softmaxScale));
        }
        layers = List.copyOf(decoders);
        WeightMatrix headWeight = config.tieWordEmbeddings()
                ? embedding
                : weights.matrix("lm_head.weight", config.vocabSize(), config.hiddenSize());
        head = new OutputHead(
                weights.vector("model.norm.weight", config.hiddenSize()),
                config.rmsNormEps(),
                weights.kernels().bind(headWeight));
        int draftLayer = config.numHiddenLayers();
        if (options.loadMtp()) {
            mtp = new MtpLayer(
                    weights.at("model.layers." + draftLayer), draftLayer, softmaxScale, embedding, head.projection());
        } else {
            mtp = null;
            for (int i = 0; i < config.numNextnPredictLayers(); i++) {
                weights.source().ignore("model.layers." + (draftLayer + i) + ".");
            }
        }
        weights.source().requireAllUsed();
    }

    /**
     * Binds every weight to {@code kernels}; nothing is computed yet. The weights stay those of {@code weights}, which
     * must stay open as long as the model is used.
     *
     * @throws CheckpointException if the config asks for something that is not served, or a tensor is missing, has
     *     another shape than the config says, or is not part of the architecture
     * @throws dev.fathom.kernels.KernelException if the backend cannot run the architecture
     */
    public static DeepSeekModel load(
            HfConfig config, WeightSource weights, KernelBackend kernels, ModelOptions options) {
        DeepSeekConfig read = DeepSeekConfigReader.read(config);
        if (options.loadMtp() && read.numNextnPredictLayers() != 1) {
            throw new CheckpointException(config.where() + ": num_nextn_predict_layers is "
                    + read.numNextnPredictLayers() + "; drafting needs exactly one next-n prediction layer");
        }
        if (read.indexer() != null) {
            kernels.keyIndex(); // or a refusal, before any weight is touched
        }
        Arena arena = Arena.ofShared();
        try {
            return new DeepSeekModel(new LayerWeights(new NamedWeights(weights, "", kernels), read, options, arena));
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public int vocabularySize() {
        return config.vocabSize();
    }

    @Override
    public int contextLength() {
        return options.contextLength() > 0 ? options.contextLength() : config.maxPositionEmbeddings();
    }

    /** One row for each layer; the next-n layer, when loaded, has the last. */
    @Override
    public KvShape kvShape() {
        return new KvShape(
                layers.size() + (mtp == null ? 0 : 1),
                config.attention().kvLoraRank(),
                config.attention().ropeHeadDim(),
                config.indexWidth());
    }

    @Override
    public Optional<String> attention() {
        IndexerConfig indexer = config.indexer();
        return indexer == null
                ? Optional.empty()
                : Optional.of("sparse: beyond " + indexer.topK()
                        + " tokens those that the indexer chooses, which compares in "
                        + options.indexerForm().label());
    }

    @Override
    public StepOutput forward(StepContext step) {
        requireFittingCache(step);
        Tensor x = step.scratch().f32(step.tokenIds().length, config.hiddenSize());
        step.kernels().embed(embedding, step.tokenIds(), x);
        StepPlan plan = plan(step);
        Tensor delta = step.scratch().f32(x.rows(), x.cols());
        Tensor before = null;
        for (DecoderLayer layer : layers) {
            layer.forward(x, before, delta, step, plan);
            before = delta;
        }
        step.kernels().add(x, delta);
        return head.apply(x, step);
    }

    /** The next-n layer, when {@link ModelOptions#loadMtp} asked for it. */
    Optional<MtpLayer> mtp() {
        return Optional.ofNullable(mtp);
    }

    StepPlan plan(StepContext step) {
        return StepPlan.of(step, config, rope, options);
    }

    @Override
    public void close() {
        arena.close();
    }

    private void requireFittingCache(StepContext step) {
        if (!step.kv().shape().equals(kvShape())) {
            throw new IllegalArgumentException(
                    "the cache is made for " + step.kv().shape() + ", the model needs " + kvShape());
        }
    }
}
