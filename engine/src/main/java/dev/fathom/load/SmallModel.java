package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.DummyWeights;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.model.CausalLm;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;

/** A small random model of the same architecture and number formats as a large one: it runs the same code on less. */
public final class SmallModel implements AutoCloseable {
    /**
     * What is made small, by the names of config.json; a key that a configuration lacks stays out of it. Most rows are
     * whole blocks of every format.
     */
    private static final Map<String, Integer> SIZES = Map.ofEntries(
            Map.entry("vocab_size", 128),
            Map.entry("hidden_size", 256),
            Map.entry("intermediate_size", 256),
            Map.entry("moe_intermediate_size", 256),
            Map.entry("num_hidden_layers", 2),
            Map.entry("num_attention_heads", 2),
            Map.entry("num_key_value_heads", 2),
            Map.entry("first_k_dense_replace", 1),
            Map.entry("n_routed_experts", 4),
            Map.entry("n_group", 2),
            Map.entry("topk_group", 1),
            Map.entry("num_experts_per_tok", 2),
            Map.entry("q_lora_rank", 128),
            Map.entry("kv_lora_rank", 128),
            Map.entry("qk_nope_head_dim", 64),
            Map.entry("qk_rope_head_dim", 32),
            Map.entry("v_head_dim", 64),
            Map.entry("qk_head_dim", 96),
            Map.entry("head_dim", 32),
            Map.entry("index_n_heads", 2),
            Map.entry("index_head_dim", 64),
            Map.entry("index_topk", 16),
            Map.entry("num_nextn_predict_layers", 0));

    private final CausalLm model;
    private final KernelBackend kernels;
    private final Deque<Runnable> opened;

    private SmallModel(CausalLm model, KernelBackend kernels, Deque<Runnable> opened) {
        this.model = model;
        this.kernels = kernels;
        this.opened = opened;
    }

    /**
     * The small counterpart of the model {@code options} name, on the backend they name. Only config.json is read, or a GGUF
     * file's head.
     *
     * @throws CheckpointException as {@link ModelLoader#load} would about config.json
     */
    public static SmallModel of(LoadOptions options) {
        CheckpointFiles files = ModelLoader.files(options.modelPath());
        HfConfig config = ModelLoader.config(options, files);
        Architectures.requireServed(config);
        Deque<Runnable> opened = new ArrayDeque<>();
        boolean whole = false;
        try {
            DummyWeights weights = WeightFiles.random(options.weights(), files, config);
            opened.push(weights::close);
            KernelBackend kernels = Backends.open(options, LoadProgress.none());
            opened.push(kernels::close);
            CausalLm model = Architectures.load(config.with(SIZES), weights, kernels, options.model());
            opened.push(model::close);
            whole = true;
            return new SmallModel(model, kernels, opened);
        } finally {
            if (!whole) {
                opened.forEach(Runnable::run);
            }
        }
    }

    public CausalLm model() {
        return model;
    }

    public KernelBackend kernels() {
        return kernels;
    }

    @Override
    public void close() {
        opened.forEach(Runnable::run);
        opened.clear();
    }
}
