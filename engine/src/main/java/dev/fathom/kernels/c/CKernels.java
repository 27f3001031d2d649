package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KernelSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/** The C sources in the jar, and how they become a library. */
public final class CKernels {
    private static final String SOURCES = "/kernels/c/";
    private static final List<String> FILES = List.of(
            "lanes.h",
            "neon.h",
            "elementary.h",
            "storage.h",
            "weight.h",
            "tiles.h",
            "attention.h",
            "amx.h",
            "pairs.h",
            "dense.h",
            "fp8.h",
            "codes.h",
            "int8.h",
            "strips.h",
            "blocks.h",
            "along.h",
            "product.h",
            "product.c",
            "linear.c",
            "experts.c",
            "rows.c",
            "latent.c",
            "expanded.c",
            "index.c");

    /**
     * No contraction: a * b + c must round as it is written. Nothing but the kernels is linked, so that the library fits every
     * C library; what the compiler calls by itself (memcpy, memset) it finds in the process.
     */
    private static final List<String> OPTIONS =
            List.of("-O3", "-std=gnu11", "-ffp-contract=off", "-fPIC", "-shared", "-nostdlib", "-Wl,--build-id=none");

    private CKernels() {}

    static KernelSource source(CpuTarget target) {
        SortedMap<String, String> files = new TreeMap<>();
        FILES.forEach(name -> files.put(name, read(name)));
        List<String> options = new ArrayList<>(OPTIONS);
        options.addAll(target.options());
        return new KernelSource("c", "linux-" + target.family().label() + "-" + target.label(), files, options);
    }

    private static String read(String name) {
        try (InputStream in = CKernels.class.getResourceAsStream(SOURCES + name)) {
            if (in == null) {
                throw new IllegalStateException(SOURCES + name + " is not on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The widest target that runs here. */
    public static CpuTarget target(Path cpuInfo) {
        return targets(cpuInfo).getFirst();
    }

    /** All targets that run here, at least one, the widest first. */
    public static List<CpuTarget> targets(Path cpuInfo) {
        List<CpuTarget> running = CpuTarget.running(cpuInfo);
        if (running.isEmpty()) {
            throw new KernelException(
                    "there are no C kernels for this processor (they need Linux, and AVX2 or Arm's dot products)");
        }
        return running.reversed();
    }

    /**
     * Builds a target's kernels unless they are there: also for machines of another target, of another family of processors with
     * a cross compiler.
     *
     * @throws KernelException if that cannot be done
     */
    public static KernelCache.Entry prepare(KernelCache cache, CpuTarget target, Consumer<String> progress) {
        List<String> commands = target.family().compilers(System.getProperty("os.arch"));
        KernelSource source = source(target);
        Optional<CCompiler> compiler = CCompiler.find(commands);
        if (compiler.isEmpty() && cache.compiled(source).isEmpty()) {
            throw new KernelException("there is no C compiler (" + String.join(", ", commands) + "), and "
                    + cache.folder() + " has no kernels for " + source.target());
        }
        return cache.library(source, compiler.orElse(null), progress);
    }

    /**
     * Loads a target's kernels, built first if need be: once, where the rehearsal and the model ask for them together.
     *
     * @param arena  unloads them when it closes
     * @throws KernelException if they cannot be had
     */
    static synchronized CLibrary load(KernelCache cache, CpuTarget target, Consumer<String> progress, Arena arena) {
        KernelCache.Entry entry = prepare(cache, target, progress);
        try {
            return CLibrary.open(entry, target, arena);
        } catch (KernelException e) {
            // Whole, but of another system, say: once more from the start.
            cache.discard(entry);
            return CLibrary.open(prepare(cache, target, progress), target, arena);
        }
    }
}
