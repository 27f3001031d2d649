package dev.fathom.kernels.cuda;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.IdentityHashMap;

/**
 * Small arrays on their way to the device, and results on their way back. What is sent lies in a ring of pinned memory until
 * the device has copied it, and on the device at the same place of a ring there. An array that is sent again in the same
 * step is not copied again.
 */
final class Staging implements AutoCloseable {
    private static final long FIRST_BYTES = 4 << 20;
    private static final long ALIGNMENT = 256;

    private final CudaDevice device;
    private final IdentityHashMap<Object, Long> sent = new IdentityHashMap<>();
    private MemorySegment host;
    private MemorySegment mirror;
    private long used;
    private MemorySegment results = MemorySegment.NULL;

    Staging(CudaDevice device) {
        this.device = device;
        host = pinned(FIRST_BYTES);
        mirror = device.allocate(FIRST_BYTES);
    }

    /** Arrays that come now are new, even if they are the same objects. */
    void forget() {
        sent.clear();
    }

    /** Writes what it is given, at its beginning. */
    @FunctionalInterface
    interface Writer {
        void write(MemorySegment to);
    }

    /**
     * Sends what {@code writer} writes, unless it was sent for the same {@code key} in this step.
     *
     * @return where it is on the device, for operations of this step
     */
    long send(Object key, long bytes, Writer writer) {
        Long before = sent.get(key);
        if (before != null) {
            return before;
        }
        long at = send(bytes, writer);
        sent.put(key, at);
        return at;
    }

    /** As above, always anew; for the operation that comes next. */
    long send(long bytes, Writer writer) {
        if (bytes == 0) {
            return mirror.address();
        }
        device.enter();
        if (used + bytes > host.byteSize()) {
            restart(bytes);
        }
        MemorySegment from = host.asSlice(used, bytes);
        writer.write(from);
        long to = mirror.address() + used;
        device.driver().copyToDeviceLater(to, from.address(), bytes, device.stream());
        used = (used + bytes + ALIGNMENT - 1) & -ALIGNMENT;
        return to;
    }

    /** The ring begins again, when nothing of it is on its way any more. */
    private void restart(long wanted) {
        device.synchronize();
        sent.clear();
        used = 0;
        if (wanted > host.byteSize()) {
            device.driver().freePinned(host.address());
            device.free(mirror);
            host = pinned(2 * wanted);
            mirror = device.allocate(2 * wanted);
        }
    }

    long ints(int[] values) {
        return send(values, 4L * values.length, to -> copy(values, to));
    }

    static void copy(int[] values, MemorySegment to) {
        MemorySegment.copy(values, 0, to, ValueLayout.JAVA_INT, 0, values.length);
    }

    /** What {@code bytes} at {@code from} are when everything before has been done; valid until the next call. */
    MemorySegment fetch(long from, long bytes) {
        device.enter();
        if (results.byteSize() < bytes) {
            device.synchronize();
            if (results.address() != 0) {
                device.driver().freePinned(results.address());
            }
            results = pinned(Math.max(FIRST_BYTES, bytes));
        }
        device.driver().copyToHostLater(results.address(), from, bytes, device.stream());
        device.synchronize();
        return results.asSlice(0, bytes);
    }

    Tensor fetch(Tensor tensor) {
        long bytes = Tensor.byteSize(tensor.rows(), tensor.cols());
        if (bytes == 0) {
            return new Tensor(MemorySegment.ofArray(new float[0]), tensor.rows(), tensor.cols());
        }
        MemorySegment host = fetch(DeviceMemory.address(tensor, "download"), bytes);
        return new Tensor(host, tensor.rows(), tensor.cols());
    }

    private MemorySegment pinned(long bytes) {
        device.enter();
        return MemorySegment.ofAddress(device.driver().allocatePinned(bytes)).reinterpret(bytes);
    }

    @Override
    public void close() {
        device.synchronize();
        device.driver().freePinned(host.address());
        if (results.address() != 0) {
            device.driver().freePinned(results.address());
        }
        device.free(mirror);
    }
}
