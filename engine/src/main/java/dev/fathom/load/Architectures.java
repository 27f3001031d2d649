package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.model.CausalLm;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.deepseek.DeepSeekModel;
import dev.fathom.model.llama.LlamaModel;
import dev.fathom.text.ChatTemplate;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** Model classes by the name config.json's {@code architectures} gives. */
final class Architectures {
    @FunctionalInterface
    private interface Loader {
        CausalLm load(HfConfig config, WeightSource weights, KernelBackend kernels, ModelOptions options);
    }

    private static final String SPARSE = "DeepseekV32ForCausalLM";

    private static final Map<String, Loader> BY_NAME = Map.of(
            "DeepseekV2ForCausalLM",
            DeepSeekModel::load,
            "DeepseekV3ForCausalLM",
            DeepSeekModel::load,
            SPARSE,
            DeepSeekModel::load,
            "LlamaForCausalLM",
            LlamaModel::load,
            "Qwen2ForCausalLM",
            LlamaModel::load);

    private Architectures() {}

    /** Refuses what is not served, before any weight is read. */
    static void requireServed(HfConfig config) {
        if (!BY_NAME.containsKey(config.architecture())) {
            throw new CheckpointException(config.where() + ": the architecture " + config.architecture()
                    + " is not served; this version runs " + String.join(", ", new TreeSet<>(BY_NAME.keySet())) + ".");
        }
    }

    /** How a model is talked to that is published without a chat template. */
    static Optional<ChatTemplate> chatFormat(HfConfig config) {
        return config.architecture().equals(SPARSE) ? Optional.of(ChatTemplate.deepSeekV32()) : Optional.empty();
    }

    static CausalLm load(HfConfig config, WeightSource weights, KernelBackend kernels, ModelOptions options) {
        Loader loader = BY_NAME.get(config.architecture());
        if (loader == null) {
            throw new IllegalStateException("requireServed was not asked about " + config.architecture());
        }
        return loader.load(config, weights, kernels, options);
    }
}
