package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KernelSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/** The CUDA sources in the jar, and how they become kernels of a device. */
final class CudaKernels implements AutoCloseable {
    private static final String SOURCES = "/kernels/cuda/";
    static final List<String> FILES = List.of(
            Nvrtc.PROGRAM,
            "storage.cuh",
            "rows.cu",
            "cache.cu",
            "linear.cu",
            "tensor.cu",
            "matrix.cu",
            "quantized.cu",
            "attention.cu",
            "latent_rows.cu",
            "flash.cu",
            "prefill.cu",
            "absorbed.cu",
            "index.cu",
            "choose.cu",
            "experts.cu");

    private final CudaDevice device;
    private final long module;
    private final String builtBy;
    private final Map<String, Kernel> kernels = new HashMap<>();
    private final Map<String, Long> allowed = new HashMap<>();

    private CudaKernels(CudaDevice device, long module, String builtBy) {
        this.device = device;
        this.module = module;
        this.builtBy = builtBy;
    }

    /** @param target such as sm_90a */
    static KernelSource source(String target) {
        SortedMap<String, String> files = new TreeMap<>();
        FILES.forEach(name -> files.put(name, read(name)));
        return new KernelSource(
                "cuda", "linux-" + target, files, List.of("--gpu-architecture=" + target, "--std=c++17"));
    }

    private static String read(String name) {
        try (InputStream in = CudaKernels.class.getResourceAsStream(SOURCES + name)) {
            if (in == null) {
                throw new IllegalStateException(SOURCES + name + " is not on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * What kernels for a device are compiled for: as of 9.0 the chip itself, with what it alone has.
     *
     * @param capability  90 is 9.0
     */
    static String target(int capability) {
        return "sm_" + capability + (capability >= 90 ? "a" : "");
    }

    /**
     * Loads the kernels, built first if need be: once, where the rehearsal and the model ask for them together.
     *
     * @throws KernelException if they cannot be had
     */
    static synchronized CudaKernels load(KernelCache cache, CudaDevice device, Consumer<String> progress) {
        KernelSource source = source(target(device.capability()));
        KernelCache.Entry entry = prepare(cache, source, Nvrtc.find(Nvrtc.USUAL_FOLDERS), progress);
        device.enter();
        try (Arena arena = Arena.ofConfined();
                FileChannel file = FileChannel.open(entry.library())) {
            MemorySegment image = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena);
            return new CudaKernels(device, device.driver().loadModule(image), entry.compiler());
        } catch (IOException e) {
            throw new KernelException("the kernels in " + entry.library() + " cannot be read", e);
        } catch (CudaException e) {
            throw new KernelException(
                    "the driver, which runs CUDA " + version(device.cudaVersion()) + ", does not load kernels that "
                            + entry.compiler() + " made (" + e.getMessage() + ")",
                    e);
        }
    }

    static KernelCache.Entry prepare(
            KernelCache cache, KernelSource source, Optional<Nvrtc> compiler, Consumer<String> progress) {
        if (compiler.isPresent()) {
            return cache.library(source, compiler.get(), progress);
        }
        return cache.compiled(source).orElseThrow(() -> missing(source.target()));
    }

    private static KernelException missing(String target) {
        return new KernelException(
                "there are no compiled kernels for " + target + " yet, and " + Nvrtc.WANTED + " is not installed");
    }

    private static String version(int number) {
        return number / 1000 + "." + number % 1000 / 10;
    }

    /** The target and compiler, for the banner. */
    String builtBy() {
        return target(device.capability()) + ", " + builtBy;
    }

    Kernel kernel(String name) {
        return kernels.computeIfAbsent(name, wanted -> {
            device.enter();
            return new Kernel(wanted, device.driver().function(module, wanted));
        });
    }

    /** A kernel that takes so much shared memory. */
    Kernel kernel(String name, long sharedBytes) {
        Kernel kernel = kernel(name);
        if (allowed.getOrDefault(name, 0L) < sharedBytes) {
            device.enter();
            device.driver().allowShared(kernel.function(), sharedBytes);
            allowed.put(name, sharedBytes);
        }
        return kernel;
    }

    @Override
    public void close() {
        device.enter();
        device.driver().unloadModule(module);
    }
}
