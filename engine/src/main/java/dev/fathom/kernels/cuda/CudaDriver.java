package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;

/**
 * The functions of NVIDIA's driver that are used here, each checked: what fails throws {@link CudaException} with NVIDIA's
 * name for it. Devices, contexts, streams, modules and device memory are the driver's own numbers.
 *
 * @see "CUDA Driver API Reference Manual"
 */
final class CudaDriver {
    static final String LIBRARY = "libcuda.so.1";

    private static final AddressLayout TEXT =
            ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(1024, ValueLayout.JAVA_BYTE));

    private final SymbolLookup symbols;
    private final MemorySegment errorName;
    private final MemorySegment errorText;
    private final MemorySegment setCurrent;
    private final MemorySegment allocate;
    private final MemorySegment free;
    private final MemorySegment memoryInfo;
    private final MemorySegment copyToDeviceLater;
    private final MemorySegment copyToHostLater;
    private final MemorySegment fillBytesLater;
    private final MemorySegment synchronize;
    private final MemorySegment launch;
    private final MemorySegment launchGraph;

    private CudaDriver(SymbolLookup symbols) {
        this.symbols = symbols;
        errorName = find("cuGetErrorName");
        errorText = find("cuGetErrorString");
        setCurrent = find("cuCtxSetCurrent");
        allocate = find("cuMemAlloc_v2");
        free = find("cuMemFree_v2");
        memoryInfo = find("cuMemGetInfo_v2");
        copyToDeviceLater = find("cuMemcpyHtoDAsync_v2");
        copyToHostLater = find("cuMemcpyDtoHAsync_v2");
        fillBytesLater = find("cuMemsetD8Async");
        synchronize = find("cuStreamSynchronize");
        launch = find("cuLaunchKernelEx");
        launchGraph = find("cuGraphLaunch");
    }

    /**
     * Loads and initialises a driver.
     *
     * @param library  its file name, {@value #LIBRARY} but in tests
     * @throws KernelException if there is none, or it serves no device
     */
    static CudaDriver open(String library) {
        CudaDriver driver = new CudaDriver(LibrarySearch.load(library)
                .orElseThrow(() ->
                        new KernelException("there is no NVIDIA driver here (" + library + " is not installed)")));
        try {
            driver.check("cuInit", NativeCalls.call(driver.find("cuInit"), 0));
        } catch (CudaException e) {
            throw new KernelException("the NVIDIA driver serves no device (" + e.getMessage() + ")", e);
        }
        return driver;
    }

    static boolean isThere(String library) {
        return LibrarySearch.load(library).isPresent();
    }

    private MemorySegment find(String name) {
        return symbols.find(name)
                .orElseThrow(() -> new KernelException("the NVIDIA driver has no function " + name
                        + "; it is older than CUDA 12, and a newer one is needed"));
    }

    private void check(String function, int code) {
        if (code != 0) {
            throw new CudaException(function + " failed: " + name(code), code);
        }
    }

    /** NVIDIA's name and words for an error. */
    private String name(int code) {
        try (Arena arena = Arena.ofConfined()) {
            return text(errorName, code, arena, "error " + code) + " (" + text(errorText, code, arena, "unknown") + ")";
        }
    }

    private static String text(MemorySegment function, int code, Arena arena, String otherwise) {
        MemorySegment result = arena.allocate(TEXT);
        boolean known = NativeCalls.call(function, code, result.address()) == 0;
        MemorySegment text = known ? result.get(TEXT, 0) : MemorySegment.NULL;
        return text.address() == 0 ? otherwise : text.getString(0);
    }

    /** What a function leaves in the eight bytes whose address it is given. */
    private long result(String function, ToIntFunction<Long> call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ValueLayout.JAVA_LONG);
            check(function, call.applyAsInt(result.address()));
            return result.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    /** As {@link #result}, for four bytes. */
    private int intResult(String function, ToIntFunction<Long> call) {
        return (int) result(function, call);
    }

    int deviceCount() {
        MemorySegment function = find("cuDeviceGetCount");
        return intResult("cuDeviceGetCount", to -> NativeCalls.call(function, to));
    }

    int device(int ordinal) {
        MemorySegment function = find("cuDeviceGet");
        return intResult("cuDeviceGet", to -> NativeCalls.call(function, to, ordinal));
    }

    String deviceName(int device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(256);
            check("cuDeviceGetName", NativeCalls.call(find("cuDeviceGetName"), name.address(), 256, device));
            return name.getString(0);
        }
    }

    /** @param attribute  a CUdevice_attribute */
    int deviceAttribute(int attribute, int device) {
        MemorySegment function = find("cuDeviceGetAttribute");
        return intResult("cuDeviceGetAttribute", to -> NativeCalls.call(function, to, attribute, device));
    }

    /** The newest CUDA version that the driver runs: 13000 is 13.0. */
    int version() {
        MemorySegment function = find("cuDriverGetVersion");
        return intResult("cuDriverGetVersion", to -> NativeCalls.call(function, to));
    }

    /** The context that all users of a device in a process share. */
    long retainContext(int device) {
        MemorySegment function = find("cuDevicePrimaryCtxRetain");
        return result("cuDevicePrimaryCtxRetain", to -> NativeCalls.call(function, to, device));
    }

    void releaseContext(int device) {
        check("cuDevicePrimaryCtxRelease", NativeCalls.call(find("cuDevicePrimaryCtxRelease_v2"), device));
    }

    /** Makes a context that of the calling thread. */
    void setCurrent(long context) {
        check("cuCtxSetCurrent", NativeCalls.call(setCurrent, context));
    }

    /** @return device memory, at least 256-byte aligned, not initialised */
    long allocate(long bytes) {
        return result("cuMemAlloc", to -> NativeCalls.call(allocate, to, bytes));
    }

    /** Waits for what the device is doing. */
    void free(long memory) {
        check("cuMemFree", NativeCalls.call(free, memory));
    }

    /** Bytes of the current device that nobody has taken. */
    long freeBytes() {
        return memoryInfo(result -> result.get(ValueLayout.JAVA_LONG, 0));
    }

    long totalBytes() {
        return memoryInfo(result -> result.get(ValueLayout.JAVA_LONG, 8));
    }

    private long memoryInfo(ToLongFunction<MemorySegment> which) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(16, 8);
            check("cuMemGetInfo", NativeCalls.call(memoryInfo, result.address(), result.address() + 8));
            return which.applyAsLong(result);
        }
    }

    /** Host memory that the device copies from and to by itself. */
    long allocatePinned(long bytes) {
        MemorySegment function = find("cuMemHostAlloc");
        return result("cuMemHostAlloc", to -> NativeCalls.call(function, to, bytes, 0));
    }

    void freePinned(long memory) {
        check("cuMemFreeHost", NativeCalls.call(find("cuMemFreeHost"), memory));
    }

    /** In the stream's order. Pinned memory is read then, any other before this returns. */
    void copyToDeviceLater(long to, long from, long bytes, long stream) {
        check("cuMemcpyHtoDAsync", NativeCalls.call(copyToDeviceLater, to, from, bytes, stream));
    }

    /** To pinned memory, in the stream's order. */
    void copyToHostLater(long to, long from, long bytes, long stream) {
        check("cuMemcpyDtoHAsync", NativeCalls.call(copyToHostLater, to, from, bytes, stream));
    }

    void zeroLater(long memory, long bytes, long stream) {
        check("cuMemsetD8Async", NativeCalls.call(fillBytesLater, memory, 0, bytes, stream));
    }

    long createStream() {
        MemorySegment function = find("cuStreamCreate");
        int nonBlocking = 1;
        return result("cuStreamCreate", to -> NativeCalls.call(function, to, nonBlocking));
    }

    void destroyStream(long stream) {
        check("cuStreamDestroy", NativeCalls.call(find("cuStreamDestroy_v2"), stream));
    }

    /** Waits for everything in a stream; also where errors of kernels come out. */
    void synchronize(long stream) {
        check("cuStreamSynchronize", NativeCalls.call(synchronize, stream));
    }

    /** @param image  a cubin */
    long loadModule(MemorySegment image) {
        MemorySegment function = find("cuModuleLoadData");
        return result("cuModuleLoadData", to -> NativeCalls.call(function, to, image.address()));
    }

    void unloadModule(long module) {
        check("cuModuleUnload", NativeCalls.call(find("cuModuleUnload"), module));
    }

    long function(long module, String name) {
        MemorySegment function = find("cuModuleGetFunction");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom(name);
            return result("cuModuleGetFunction " + name, to -> NativeCalls.call(function, to, module, text.address()));
        }
    }

    /** Lets a kernel take so many bytes of shared memory beyond what it declares. */
    void allowShared(long kernel, long bytes) {
        int maxDynamicSharedSize = 8;
        check("cuFuncSetAttribute", NativeCalls.call(find("cuFuncSetAttribute"), kernel, maxDynamicSharedSize, bytes));
    }

    /**
     * @param config  address of a CUlaunchConfig
     * @param extra   address of the list that names the arguments
     */
    void launch(String what, long kernel, Grid grid, long config, long extra) {
        int code = NativeCalls.call(launch, config, kernel, 0, extra);
        if (code != 0) {
            throw new CudaException("launching " + what + " on " + grid + " failed: " + name(code), code);
        }
    }

    long createEvent() {
        MemorySegment function = find("cuEventCreate");
        return result("cuEventCreate", to -> NativeCalls.call(function, to, 0));
    }

    void destroyEvent(long event) {
        check("cuEventDestroy", NativeCalls.call(find("cuEventDestroy_v2"), event));
    }

    /** Notes when the stream is there. */
    void recordEvent(long event, long stream) {
        check("cuEventRecord", NativeCalls.call(find("cuEventRecord"), event, stream));
    }

    void waitFor(long event) {
        check("cuEventSynchronize", NativeCalls.call(find("cuEventSynchronize"), event));
    }

    /** Of two events that the stream has passed. */
    double secondsBetween(long first, long second) {
        MemorySegment function = find("cuEventElapsedTime");
        int bits = intResult("cuEventElapsedTime", to -> NativeCalls.call(function, to, first, second));
        return Float.intBitsToFloat(bits) / 1e3;
    }

    /** What this thread puts into the stream until {@link #endCapture} becomes a graph and is not done. */
    void beginCapture(long stream) {
        int threadLocal = 1;
        check("cuStreamBeginCapture", NativeCalls.call(find("cuStreamBeginCapture_v2"), stream, threadLocal));
    }

    /** @return a CUgraph */
    long endCapture(long stream) {
        MemorySegment function = find("cuStreamEndCapture");
        return result("cuStreamEndCapture", to -> NativeCalls.call(function, stream, to));
    }

    /** Ends a capture that failed; the stream can be used again. */
    void abandonCapture(long stream) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment graph = arena.allocate(ValueLayout.JAVA_LONG);
            // The error that led here says more than this one would.
            if (NativeCalls.call(find("cuStreamEndCapture"), stream, graph.address()) == 0) {
                destroyGraph(graph.get(ValueLayout.JAVA_LONG, 0));
            }
        }
    }

    /** @return a CUgraphExec, which does not need {@code graph} any more */
    long instantiate(long graph) {
        MemorySegment function = find("cuGraphInstantiateWithFlags");
        return result("cuGraphInstantiate", to -> NativeCalls.call(function, to, graph, 0));
    }

    void destroyGraph(long graph) {
        check("cuGraphDestroy", NativeCalls.call(find("cuGraphDestroy"), graph));
    }

    void destroyExecutable(long executable) {
        check("cuGraphExecDestroy", NativeCalls.call(find("cuGraphExecDestroy"), executable));
    }

    void launchGraph(long executable, long stream) {
        check("cuGraphLaunch", NativeCalls.call(launchGraph, executable, stream));
    }
}
