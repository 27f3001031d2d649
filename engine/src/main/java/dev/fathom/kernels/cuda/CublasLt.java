package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToIntFunction;

/**
 * The functions of NVIDIA's library of matrix products that are used here, each checked. It is not part of the driver: where a
 * machine has none, products are this package's own.
 *
 * @see "cuBLAS, using the cuBLASLt API"
 */
final class CublasLt implements AutoCloseable {
    private static final List<String> LIBRARIES = List.of("libcublasLt.so.13", "libcublasLt.so.12");

    /** As of this version weights of FP8 may have a scale for each 128 by 128 numbers: 12.9. */
    private static final int BLOCK_SCALES = 120900;

    private static final Map<Integer, String> ERRORS = Map.of(
            1, "CUBLAS_STATUS_NOT_INITIALIZED",
            3, "CUBLAS_STATUS_ALLOC_FAILED",
            7, "CUBLAS_STATUS_INVALID_VALUE",
            8, "CUBLAS_STATUS_ARCH_MISMATCH",
            11, "CUBLAS_STATUS_MAPPING_ERROR",
            13, "CUBLAS_STATUS_EXECUTION_FAILED",
            14, "CUBLAS_STATUS_INTERNAL_ERROR",
            15, "CUBLAS_STATUS_NOT_SUPPORTED");

    private final SymbolLookup symbols;
    private final MemorySegment multiply;
    private final MemorySegment setDescription;
    private final int version;
    private final long handle;

    private CublasLt(SymbolLookup symbols) {
        this.symbols = symbols;
        multiply = find("cublasLtMatmul");
        setDescription = find("cublasLtMatmulDescSetAttribute");
        version = NativeCalls.call(find("cublasLtGetVersion"), 0);
        MemorySegment create = find("cublasLtCreate");
        handle = created("cublasLtCreate", to -> NativeCalls.call(create, to));
    }

    /** The newest version that the system's loader finds, or that lies in one of {@code folders}. */
    static Optional<CublasLt> find(List<Path> folders) {
        return LibrarySearch.find(LIBRARIES, folders, folder -> {}).map(CublasLt::new);
    }

    String name() {
        return "cuBLASLt " + version / 10000 + "." + version / 100 % 100;
    }

    boolean hasBlockScales() {
        return version >= BLOCK_SCALES;
    }

    private MemorySegment find(String name) {
        return symbols.find(name).orElseThrow(() -> new KernelException("cuBLASLt has no function " + name));
    }

    private static void check(String function, int code) {
        if (code != 0) {
            throw new CudaException(function + " failed: " + ERRORS.getOrDefault(code, "cublasStatus " + code), code);
        }
    }

    private static long created(String function, ToIntFunction<Long> create) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ValueLayout.JAVA_LONG);
            check(function, create.applyAsInt(result.address()));
            return result.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    private long create(String function, long a, long b, long c, long d) {
        MemorySegment found = find(function);
        return created(function, to -> NativeCalls.call(found, to, a, b, c, d, 0));
    }

    /** A description of products whose sums and factors are float32. */
    long description() {
        int compute32F = 68;
        int real32F = 0;
        return create("cublasLtMatmulDescCreate", compute32F, real32F, 0, 0);
    }

    void describe(long description, int attribute, int value) {
        set(setDescription, "cublasLtMatmulDescSetAttribute", description, attribute, value, Integer.BYTES);
    }

    void describeAddress(long description, int attribute, long address) {
        set(setDescription, "cublasLtMatmulDescSetAttribute", description, attribute, address, Long.BYTES);
    }

    /**
     * A matrix, its columns one behind the other.
     *
     * @param type  a cudaDataType
     * @param next  from one column to the next
     */
    long layout(int type, long rows, long columns, long next) {
        return create("cublasLtMatrixLayoutCreate", type, rows, columns, next);
    }

    /** So many matrices, each {@code offset} numbers behind the one before. */
    void batch(long layout, int count, long offset) {
        int batchCount = 5;
        int stridedBatchOffset = 6;
        MemorySegment function = find("cublasLtMatrixLayoutSetAttribute");
        set(function, "cublasLtMatrixLayoutSetAttribute", layout, batchCount, count, Integer.BYTES);
        set(function, "cublasLtMatrixLayoutSetAttribute", layout, stridedBatchOffset, offset, Long.BYTES);
    }

    /** What an algorithm may take. */
    long preference(long workspaceBytes, int alignment) {
        int maxWorkspaceBytes = 1;
        long preference = create("cublasLtMatmulPreferenceCreate", 0, 0, 0, 0);
        MemorySegment function = find("cublasLtMatmulPreferenceSetAttribute");
        String name = "cublasLtMatmulPreferenceSetAttribute";
        set(function, name, preference, maxWorkspaceBytes, workspaceBytes, Long.BYTES);
        for (int minAlignmentOf = 5; minAlignmentOf <= 8; minAlignmentOf++) {
            set(function, name, preference, minAlignmentOf, alignment, Integer.BYTES);
        }
        return preference;
    }

    private static void set(MemorySegment function, String name, long object, int attribute, long value, int bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(ValueLayout.JAVA_LONG);
            memory.set(ValueLayout.JAVA_LONG, 0, value);
            check(name, NativeCalls.call(function, object, attribute, memory.address(), bytes));
        }
    }

    /** Matrices of a product: D = op(A) op(B), C being D. */
    record Layouts(long a, long b, long d) {}

    /**
     * The algorithm that the library thinks is the fastest.
     *
     * @return its 64 bytes, in {@code arena}; empty if there is none
     */
    Optional<MemorySegment> algorithm(long description, Layouts layouts, long preference, Arena arena) {
        int algorithmBytes = 64;
        int resultBytes = 96;
        try (Arena own = Arena.ofConfined()) {
            MemorySegment result = own.allocate(resultBytes, 8);
            MemorySegment count = own.allocate(ValueLayout.JAVA_INT);
            int code = NativeCalls.callLong(
                    find("cublasLtMatmulAlgoGetHeuristic"),
                    handle,
                    description,
                    layouts.a,
                    layouts.b,
                    layouts.d,
                    layouts.d,
                    preference,
                    1,
                    result.address(),
                    count.address());
            int notSupported = 15;
            if (code == notSupported || (code == 0 && count.get(ValueLayout.JAVA_INT, 0) == 0)) {
                return Optional.empty();
            }
            check("cublasLtMatmulAlgoGetHeuristic", code);
            return Optional.of(arena.allocate(algorithmBytes, 8).copyFrom(result.asSlice(0, algorithmBytes)));
        }
    }

    /**
     * D = factors[0] op(A) op(B) + factors[1] D, in the stream's order.
     *
     * @param factors  address of two floats
     * @param abd      addresses of A, B and D
     */
    void multiply(long description, Layouts layouts, long algorithm, long factors, long[] abd, Room room, long stream) {
        int code = NativeCalls.callLong(
                multiply,
                handle,
                description,
                factors,
                abd[0],
                layouts.a,
                abd[1],
                layouts.b,
                factors + Float.BYTES,
                abd[2],
                layouts.d,
                abd[2],
                layouts.d,
                algorithm,
                room.address,
                room.bytes,
                stream);
        check("cublasLtMatmul", code);
    }

    /** Device memory that a product may write anything into. */
    record Room(long address, long bytes) {}

    void destroy(long description, Layouts layouts) {
        check("cublasLtMatmulDescDestroy", NativeCalls.call(find("cublasLtMatmulDescDestroy"), description));
        MemorySegment layout = find("cublasLtMatrixLayoutDestroy");
        for (long each : new long[] {layouts.a, layouts.b, layouts.d}) {
            check("cublasLtMatrixLayoutDestroy", NativeCalls.call(layout, each));
        }
    }

    void destroyPreference(long preference) {
        check("cublasLtMatmulPreferenceDestroy", NativeCalls.call(find("cublasLtMatmulPreferenceDestroy"), preference));
    }

    @Override
    public void close() {
        check("cublasLtDestroy", NativeCalls.call(find("cublasLtDestroy"), handle));
    }
}
