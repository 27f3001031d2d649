package dev.fathom.cli;

import dev.fathom.load.KernelBuild;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Fills the kernel cache ahead of time. */
@Command(
        name = "compile",
        description = {
            "Compiles the C kernels and keeps them, as the first start of a server does.",
            "The kernels are the same for every model. The folder can be copied to machines without a compiler."
        },
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  fathom compile                                 for this machine",
            "  fathom compile --target avx2,avx512 --kernel-cache-dir /image/kernels"
        })
final class CompileCommand implements Callable<Integer> {
    private final Terminal terminal;
    private final Environment environment;

    @Mixin
    private KernelCacheFlag kernelCache = new KernelCacheFlag();

    @Option(
            names = "--target",
            paramLabel = "NAME",
            split = ",",
            description =
                    "Instruction sets: avx2, avx2-vnni, avx512, avx512-vnni, avx512-bf16, amx, neon; several with commas. Default: the best of this machine.")
    private List<String> targets = List.of();

    CompileCommand(Terminal terminal, Environment environment) {
        this.terminal = terminal;
        this.environment = environment;
    }

    @Override
    public Integer call() {
        Path folder = kernelCache
                .folder(environment)
                .orElseThrow(
                        () -> CliException.usage(
                                "There is no folder to keep kernels in: give --kernel-cache-dir, or set FATHOM_CACHE_DIR or HOME."));
        List<String> wanted = targets.isEmpty() ? List.of(KernelBuild.bestTarget()) : targets;
        wanted.forEach(KernelBuild::requireTarget);
        for (String target : wanted) {
            Path library = KernelBuild.build(folder, target, terminal.err()::print);
            terminal.out().println(library);
        }
        return 0;
    }
}
