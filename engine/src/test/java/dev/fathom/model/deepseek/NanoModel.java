package dev.fathom.model.deepseek;

import dev.fathom.checkpoint.Bf16NanoCheckpoint;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.model.ModelOptions;

/** The nano model in one of its two weight formats, on one backend. */
record NanoModel(KernelBackend kernels, SafetensorsSource weights, DeepSeekModel model) implements AutoCloseable {
    /**
     * @param format   fp8 or bf16
     * @param backend  a name that {@link Backends} knows
     */
    static NanoModel open(String format, String backend, ModelOptions options) {
        CheckpointFiles files = switch (format) {
            case "fp8" -> Bf16NanoCheckpoint.embeddedFp8();
            case "bf16" -> CheckpointFiles.folder(Bf16NanoCheckpoint.folder());
            default -> throw new IllegalArgumentException("nano has no " + format + " weights");
        };
        KernelBackend kernels = Backends.open(backend);
        SafetensorsSource weights = SafetensorsSource.open(files, LoadProgress.none());
        HfConfig config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        return new NanoModel(kernels, weights, DeepSeekModel.load(config, weights, kernels, options));
    }

    @Override
    public void close() {
        model.close();
        weights.close();
        kernels.close();
    }
}
