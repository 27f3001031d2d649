package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelCompiler;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KernelSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * NVIDIA's run-time compiler, a library that makes machine code from CUDA C++. It needs no GPU.
 *
 * @see "NVRTC, CUDA Runtime Compilation"
 */
final class Nvrtc implements KernelCompiler {
    /** The program; the source's other files are what it may include. */
    static final String PROGRAM = "kernels.cu";

    private static final List<String> LIBRARIES = List.of("libnvrtc.so.13", "libnvrtc.so.12");

    /** Where installers put it, beside the folders the system's loader looks into (LD_LIBRARY_PATH among them). */
    static final List<Path> USUAL_FOLDERS = List.of(
            Path.of("/usr/local/cuda/lib64"),
            Path.of("/usr/local/cuda/targets/x86_64-linux/lib"),
            Path.of("/usr/local/cuda/targets/sbsa-linux/lib"),
            Path.of("/opt/cuda/lib64"));

    /** For messages: what to do where there is none. */
    static final String WANTED = "NVIDIA's compiler library (" + LIBRARIES.getFirst() + " or " + LIBRARIES.getLast()
            + ", part of the CUDA toolkit; LD_LIBRARY_PATH may name its folder)";

    private final SymbolLookup symbols;
    private final int major;
    private final int minor;

    private Nvrtc(SymbolLookup symbols) {
        this.symbols = symbols;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment version = arena.allocate(8, 4);
            call("nvrtcVersion", version.address(), version.address() + 4, 0, 0, 0, 0);
            major = version.get(ValueLayout.JAVA_INT, 0);
            minor = version.get(ValueLayout.JAVA_INT, 4);
        }
    }

    /**
     * The newest version that the system's loader finds, or that lies in one of {@code folders}.
     *
     * @throws KernelException if a library is there but is not NVRTC
     */
    static Optional<Nvrtc> find(List<Path> folders) {
        return LibrarySearch.find(LIBRARIES, folders, Nvrtc::loadBuiltins).map(Nvrtc::new);
    }

    /** NVRTC asks the loader for these by name, which finds them if they are loaded already, wherever they lie. */
    private static void loadBuiltins(Path folder) {
        try (DirectoryStream<Path> builtins = Files.newDirectoryStream(folder, "libnvrtc-builtins.so.*")) {
            builtins.forEach(file -> LibrarySearch.load(file.toString()));
        } catch (IOException | DirectoryIteratorException e) {
            throw new KernelException(folder + " cannot be read", e);
        }
    }

    @Override
    public String name() {
        return "NVRTC " + major + "." + minor;
    }

    @Override
    public String identity() {
        return name();
    }

    /** The CUDA version whose code it makes, as the driver counts: 13000 is 13.0. */
    int cudaVersion() {
        return 1000 * major + 10 * minor;
    }

    @Override
    public boolean compile(Path folder, KernelSource source, Path output, Path log) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            long program = create(source, arena);
            try {
                boolean compiled = compile(program, source.options(), arena);
                Files.write(log, compiled ? new byte[0] : result(program, "nvrtcGetProgramLog", arena));
                if (compiled) {
                    Files.write(output, result(program, "nvrtcGetCUBIN", arena));
                }
                return compiled;
            } finally {
                MemorySegment handle = arena.allocate(ValueLayout.JAVA_LONG);
                handle.set(ValueLayout.JAVA_LONG, 0, program);
                call("nvrtcDestroyProgram", handle.address(), 0, 0, 0, 0, 0);
            }
        }
    }

    private long create(KernelSource source, Arena arena) {
        String program = source.files().get(PROGRAM);
        if (program == null) {
            throw new IllegalArgumentException("the source has no " + PROGRAM);
        }
        List<Map.Entry<String, String>> included = source.files().entrySet().stream()
                .filter(file -> !file.getKey().equals(PROGRAM))
                .toList();
        List<String> names = included.stream().map(Map.Entry::getKey).toList();
        List<String> texts = included.stream().map(Map.Entry::getValue).toList();
        MemorySegment handle = arena.allocate(ValueLayout.JAVA_LONG);
        call(
                "nvrtcCreateProgram",
                handle.address(),
                arena.allocateFrom(program).address(),
                arena.allocateFrom(PROGRAM).address(),
                names.size(),
                texts(texts, arena).address(),
                texts(names, arena).address());
        return handle.get(ValueLayout.JAVA_LONG, 0);
    }

    private static MemorySegment texts(List<String> texts, Arena arena) {
        MemorySegment list = arena.allocate(ValueLayout.JAVA_LONG, Math.max(1, texts.size()));
        for (int i = 0; i < texts.size(); i++) {
            list.setAtIndex(
                    ValueLayout.JAVA_LONG, i, arena.allocateFrom(texts.get(i)).address());
        }
        return list;
    }

    /** Whether it worked; if not, the program's log says why. */
    private boolean compile(long program, List<String> options, Arena arena) {
        int compilation = 6; // NVRTC_ERROR_COMPILATION
        int code = NativeCalls.call(
                find("nvrtcCompileProgram"),
                program,
                options.size(),
                texts(options, arena).address());
        if (code != 0 && code != compilation) {
            throw failure("nvrtcCompileProgram", code);
        }
        return code == 0;
    }

    /** Text or machine code: {@code what} gives the bytes, {@code what}Size their number. */
    private byte[] result(long program, String what, Arena arena) {
        MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
        call(what + "Size", program, size.address(), 0, 0, 0, 0);
        MemorySegment bytes = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
        call(what, program, bytes.address(), 0, 0, 0, 0);
        return bytes.toArray(ValueLayout.JAVA_BYTE);
    }

    private void call(String function, long a, long b, long c, long d, long e, long f) {
        int code = NativeCalls.call(find(function), a, b, c, d, e, f);
        if (code != 0) {
            throw failure(function, code);
        }
    }

    private MemorySegment find(String function) {
        return symbols.find(function).orElseThrow(() -> new KernelException("NVRTC has no function " + function));
    }

    private static KernelException failure(String function, int code) {
        return new KernelException(function + " failed: nvrtcResult " + code + " of NVRTC's manual");
    }
}
