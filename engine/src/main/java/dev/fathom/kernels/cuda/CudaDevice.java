package dev.fathom.kernels.cuda;

import dev.fathom.kernels.KernelException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One GPU: its memory, and the stream in whose order everything happens. */
final class CudaDevice implements AutoCloseable {
    private static final int OUT_OF_MEMORY = 2;
    private static final int MULTIPROCESSORS = 16;
    private static final int CAPABILITY_MAJOR = 75;
    private static final int CAPABILITY_MINOR = 76;
    private static final int SHARED_BYTES = 97;

    /** Kernels use warp functions and bf16 as of this one. */
    private static final int OLDEST_CAPABILITY = 80;

    private final CudaDriver driver;
    private final int device;
    private final String name;
    private final long context;
    private final long stream;
    private final Set<Long> owned = new HashSet<>();
    private final WeightStream weights = new WeightStream(this);

    /** Makes what still waits to be put into the stream. */
    private Runnable beforeWaiting = () -> {};

    /** The thread that last made the context its own; a thread that did so once keeps it. */
    private @Nullable Thread current;

    private CudaDevice(CudaDriver driver, int device) {
        this.driver = driver;
        this.device = device;
        name = driver.deviceName(device);
        context = driver.retainContext(device);
        enter();
        stream = driver.createStream();
    }

    /**
     * Opens the first device that the driver shows; CUDA_VISIBLE_DEVICES chooses which that is.
     *
     * @param library  {@link CudaDriver#LIBRARY} but in tests
     * @throws KernelException if there is none that can be used
     */
    static CudaDevice open(String library) {
        CudaDriver driver = CudaDriver.open(library);
        if (driver.deviceCount() == 0) {
            throw new KernelException("the NVIDIA driver shows no device (CUDA_VISIBLE_DEVICES may hide it)");
        }
        int device = driver.device(0);
        int capability = capability(driver, device);
        if (capability < OLDEST_CAPABILITY) {
            throw new KernelException(driver.deviceName(device) + " has compute capability " + capability / 10 + "."
                    + capability % 10 + ", at least " + OLDEST_CAPABILITY / 10 + "." + OLDEST_CAPABILITY % 10
                    + " is needed");
        }
        return new CudaDevice(driver, device);
    }

    private static int capability(CudaDriver driver, int device) {
        return 10 * driver.deviceAttribute(CAPABILITY_MAJOR, device) + driver.deviceAttribute(CAPABILITY_MINOR, device);
    }

    String name() {
        return name;
    }

    /** 90 is 9.0. */
    int capability() {
        return capability(driver, device);
    }

    /** The newest CUDA version the driver runs: 13000 is 13.0. */
    int cudaVersion() {
        return driver.version();
    }

    int multiprocessors() {
        return driver.deviceAttribute(MULTIPROCESSORS, device);
    }

    /** Most shared memory of a block. */
    int sharedBytes() {
        return driver.deviceAttribute(SHARED_BYTES, device);
    }

    long totalBytes() {
        enter();
        return driver.totalBytes();
    }

    CudaDriver driver() {
        return driver;
    }

    /** @param before  what must be in the stream before anybody waits for it or frees memory */
    void beforeWaiting(Runnable before) {
        beforeWaiting = before;
    }

    long stream() {
        return stream;
    }

    /** Makes the device that of the calling thread. Every way to the driver begins here. */
    void enter() {
        Thread thread = Thread.currentThread();
        if (current != thread) {
            driver.setCurrent(context);
            current = thread;
        }
    }

    /** Zeroed memory that is freed when {@code arena} closes, or this device before it. */
    MemorySegment allocate(long bytes, Arena arena) {
        MemorySegment memory = allocate(bytes);
        // A segment of no bytes stands for it, whose end is the arena's.
        MemorySegment.NULL.reinterpret(0, arena, ignored -> free(memory));
        driver.zeroLater(memory.address(), bytes, stream);
        return memory;
    }

    /**
     * Memory that is freed by {@link #free}, or with this device.
     *
     * @throws KernelException with numbers, if there is not enough
     */
    synchronized MemorySegment allocate(long bytes) {
        enter();
        try {
            long address = driver.allocate(Math.max(1, bytes));
            owned.add(address);
            return DeviceMemory.at(address, bytes);
        } catch (CudaException e) {
            if (e.code() != OUT_OF_MEMORY) {
                throw e;
            }
            throw new KernelException(
                    String.format(
                            Locale.ROOT,
                            "%s has %.1f GiB of memory, %.2f GiB of them free: another %.2f GiB do not fit",
                            name,
                            driver.totalBytes() / 0x1p30,
                            driver.freeBytes() / 0x1p30,
                            bytes / 0x1p30),
                    e);
        }
    }

    /** Waits for what still uses the memory. */
    synchronized void free(MemorySegment memory) {
        if (owned.contains(memory.address())) {
            enter();
            beforeWaiting.run();
            owned.remove(memory.address());
            driver.free(memory.address());
        }
    }

    /** A copy of host memory, freed with this device. */
    MemorySegment copy(MemorySegment host) {
        MemorySegment memory = allocate(host.byteSize());
        copy(host, memory);
        return memory;
    }

    /** Copies host memory; returns when it has been read. */
    void copy(MemorySegment host, MemorySegment to) {
        weights.copy(host, to);
    }

    WeightStream weights() {
        return weights;
    }

    /**
     * @param fraction  of the memory that nobody has taken yet
     * @throws KernelException with numbers, if weights of so many bytes do not fit into it
     */
    void requireRoom(long bytes, double fraction) {
        enter();
        long free = driver.freeBytes();
        if (bytes > fraction * free) {
            throw new KernelException(String.format(
                    Locale.ROOT,
                    "the weights take %.2f GiB, and %s has %.2f GiB of memory, %.2f GiB of them free, of which"
                            + " --mem-fraction-static %.2f leaves %.2f GiB for weights and cache",
                    bytes / 0x1p30,
                    name,
                    driver.totalBytes() / 0x1p30,
                    free / 0x1p30,
                    fraction,
                    fraction * free / 0x1p30));
        }
    }

    void synchronize() {
        enter();
        beforeWaiting.run();
        driver.synchronize(stream);
    }

    /** Frees everything. */
    @Override
    public synchronized void close() {
        synchronize();
        weights.close();
        owned.forEach(driver::free);
        owned.clear();
        driver.destroyStream(stream);
        driver.releaseContext(device);
    }
}
