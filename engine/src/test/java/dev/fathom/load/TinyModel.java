package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.c.CpuTarget;
import dev.fathom.kernels.c.TestKernels;
import dev.fathom.kernels.cuda.TestDevice;
import dev.fathom.model.CausalLm;
import dev.fathom.model.ModelOptions;
import java.util.List;

/** One of the small random models below golden, each of another architecture, loaded by the name in its config.json. */
record TinyModel(KernelBackend kernels, SafetensorsSource weights, CausalLm model) implements AutoCloseable {
    private static final int THREADS = 2;

    /** @param folder such as tiny-deepseek-v2 */
    static TinyModel open(String folder, String backend, ModelOptions options) {
        CheckpointFiles files = CheckpointFiles.resources(
                TinyModel.class.getClassLoader(),
                "golden/" + folder + "/",
                List.of("config.json", "model.safetensors"));
        HfConfig config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        KernelBackend kernels = kernels(backend);
        SafetensorsSource weights = SafetensorsSource.open(files, LoadProgress.none());
        return new TinyModel(kernels, weights, Architectures.load(config, weights, kernels, options));
    }

    /** C without matrix tiles, which round more than the others: the bounds are the same for all. */
    private static KernelBackend kernels(String backend) {
        return switch (backend) {
            case "c" -> TestKernels.open(CpuTarget.AVX2, THREADS);
            case "cuda" -> TestDevice.open(THREADS);
            default ->
                Backends.open(
                        LoadOptions.EMBEDDED.withKernelBackend(backend).withThreads(THREADS), LoadProgress.none());
        };
    }

    @Override
    public void close() {
        model.close();
        weights.close();
        kernels.close();
    }
}
