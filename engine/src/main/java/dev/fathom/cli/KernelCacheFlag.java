package dev.fathom.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where compiled kernels are kept. */
final class KernelCacheFlag {
    @Option(
            names = "--kernel-cache-dir",
            paramLabel = "FOLDER",
            description =
                    "Where compiled kernels are kept. Default: FATHOM_CACHE_DIR, TORCHINDUCTOR_CACHE_DIR, or fathom/kernels"
                            + " in the user's cache folder.")
    private @Nullable Path folder;

    /** Empty where neither the flag nor the environment names one. */
    Optional<Path> folder(Environment environment) {
        return Optional.ofNullable(folder).or(environment::kernelCache);
    }
}
