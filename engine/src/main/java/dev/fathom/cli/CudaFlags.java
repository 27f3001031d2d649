package dev.fathom.cli;

import dev.fathom.kernels.GpuOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a GPU computes. */
final class CudaFlags {
    @Option(
            names = "--enable-deterministic-inference",
            description =
                    "On a GPU: float32 arithmetic, and the same bits for a request whatever shares its batch. The CPU always works so.")
    private boolean deterministic;

    @Option(names = "--disable-cuda-graph", description = "On a GPU: every kernel of a step is launched by itself.")
    private boolean withoutGraphs;

    @Option(
            names = "--cuda-graph-max-bs",
            paramLabel = "N",
            description = "On a GPU: steps of at most so many tokens are played back as CUDA graphs. Default: 256.")
    private @Nullable Integer mostGraphRows;

    /** @throws CliException naming a flag that cannot be used */
    GpuOptions options() {
        if (mostGraphRows != null && mostGraphRows < 1) {
            throw CliException.usage("--cuda-graph-max-bs must be positive, got " + mostGraphRows
                    + "; --disable-cuda-graph does without graphs.");
        }
        GpuOptions options = GpuOptions.USUAL.withExact(deterministic);
        if (withoutGraphs) {
            return options.withMostGraphRows(0);
        }
        return mostGraphRows == null ? options : options.withMostGraphRows(mostGraphRows);
    }
}
