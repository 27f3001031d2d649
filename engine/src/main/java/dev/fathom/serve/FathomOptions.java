package dev.fathom.serve;

import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.engine.EngineConfig;
import dev.fathom.engine.EngineListener;
import dev.fathom.load.LoadOptions;
import java.nio.file.Path;
import java.util.function.UnaryOperator;

/**
 * How a {@link Fathom} loads and runs its model.
 *
 * @param load            which model, on what
 * @param progress        told while weights are read
 * @param maxTotalTokens  tokens the key-value cache holds for all conversations together; 0 is one full context, or
 *                        {@value #LEAST_TOKENS} where that is more
 * @param engine          changes the engine's other settings, for example {@code c -> c.withMaxRunningRequests(4)}
 * @param listener        told what the engine does
 * @param modelDefaults   whether generation_config.json fills sampling fields that are not given
 */
public record FathomOptions(
        LoadOptions load,
        LoadProgress progress,
        int maxTotalTokens,
        UnaryOperator<EngineConfig> engine,
        EngineListener listener,
        boolean modelDefaults) {

    static final int LEAST_TOKENS = 16_384;

    /** The small model that comes with the library. */
    public static final FathomOptions EMBEDDED = new FathomOptions(
            LoadOptions.EMBEDDED, LoadProgress.none(), 0, UnaryOperator.identity(), EngineListener.none(), true);

    public FathomOptions {
        if (maxTotalTokens < 0) {
            throw new IllegalArgumentException("maxTotalTokens must not be negative, got " + maxTotalTokens);
        }
    }

    /** @param folder a checkpoint: config.json, tokenizer.json, safetensors */
    public static FathomOptions of(Path folder) {
        return EMBEDDED.withLoad(LoadOptions.EMBEDDED.withModelPath(folder));
    }

    public FathomOptions withLoad(LoadOptions value) {
        return new FathomOptions(value, progress, maxTotalTokens, engine, listener, modelDefaults);
    }

    public FathomOptions withProgress(LoadProgress value) {
        return new FathomOptions(load, value, maxTotalTokens, engine, listener, modelDefaults);
    }

    public FathomOptions withMaxTotalTokens(int value) {
        return new FathomOptions(load, progress, value, engine, listener, modelDefaults);
    }

    public FathomOptions withEngine(UnaryOperator<EngineConfig> value) {
        return new FathomOptions(load, progress, maxTotalTokens, value, listener, modelDefaults);
    }

    public FathomOptions withListener(EngineListener value) {
        return new FathomOptions(load, progress, maxTotalTokens, engine, value, modelDefaults);
    }

    public FathomOptions withModelDefaults(boolean value) {
        return new FathomOptions(load, progress, maxTotalTokens, engine, listener, value);
    }
}
