package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** What generation_config.json recommends; empty where it says nothing. */
public record GenerationDefaults(
        Optional<Float> temperature,
        Optional<Float> topP,
        Optional<Integer> topK,
        Optional<Float> minP,
        Optional<Float> repetitionPenalty) {
    private static final String FILE = "generation_config.json";

    static GenerationDefaults read(CheckpointFiles files) {
        if (!files.exists(FILE)) {
            return new GenerationDefaults(
                    Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
        }
        HfConfig config = HfConfig.parse(files.read(FILE), files.describe(FILE));
        return new GenerationDefaults(
                number(config, "temperature"),
                number(config, "top_p"),
                config.has("top_k") ? Optional.of(config.integer("top_k")) : Optional.empty(),
                number(config, "min_p"),
                number(config, "repetition_penalty"));
    }

    /** End-of-sequence ids: those of the model's configuration and those that generation_config.json adds, as SGLang. */
    static Set<Integer> endTokenIds(CheckpointFiles files, HfConfig config) {
        Set<Integer> ids = new HashSet<>(config.integersOrNone("eos_token_id"));
        if (files.exists(FILE)) {
            ids.addAll(HfConfig.parse(files.read(FILE), files.describe(FILE)).integersOrNone("eos_token_id"));
        }
        return Set.copyOf(ids);
    }

    private static Optional<Float> number(HfConfig config, String key) {
        return config.has(key) ? Optional.of(config.number(key)) : Optional.empty();
    }
}
