package dev.fathom.kernels.cuda;

import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.IdentityHashMap;

/**
 * Small arrays on their way to the device, and results on their way back. What is sent lies in a ring of pinned memory until
 * the device has copied it, and on the device at the same place of a ring there. An array that is sent again in the same
 * step is not copied again. A step begins at the ring's beginning, so that steps alike send to the same places; what a recorded
 * step sends is copied at once, before its launches.
 */
final class Staging implements AutoCloseable {
    private static final long FIRST_BYTES = 4 << 20;
    private static final long ALIGNMENT = 256;

    private final CudaDevice device;
    private final Launch launch;
    private final IdentityHashMap<Object, Long> sent = new IdentityHashMap<>();
    private MemorySegment host;
    private MemorySegment mirror;
    private long used;
    private long copied;

    /** Whether the device is done with all that was sent. */
    private boolean drained = true;

    private MemorySegment results = MemorySegment.NULL;

    Staging(CudaDevice device, Launch launch) {
        this.device = device;
        this.launch = launch;
        host = pinned(FIRST_BYTES);
        mirror = device.allocate(FIRST_BYTES);
        launch.beforeFlush(this::copy);
    }

    /** Arrays that come now are new, even if they are the same objects. */
    void forget() {
        sent.clear();
        if (drained) {
            used = 0;
            copied = 0;
        }
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
        // By powers of two: a list of slots that is one longer than in the step before moves nothing behind it.
        long room = Math.max(ALIGNMENT, Long.highestOneBit(2 * bytes - 1));
        if (used + room > host.byteSize()) {
            restart(room);
        }
        writer.write(host.asSlice(used, bytes));
        long to = mirror.address() + used;
        used += room;
        drained = false;
        if (!launch.recording()) {
            copy();
        }
        return to;
    }

    /** Copies what was not copied yet. */
    private void copy() {
        if (copied < used) {
            device.enter();
            device.driver()
                    .copyToDeviceLater(
                            mirror.address() + copied, host.address() + copied, used - copied, device.stream());
            copied = used;
        }
    }

    /** The ring begins again, larger, when nothing of it is on its way any more. */
    private void restart(long wanted) {
        device.synchronize();
        long bytes = 2 * (used + wanted);
        device.driver().freePinned(host.address());
        device.free(mirror);
        host = pinned(bytes);
        mirror = device.allocate(bytes);
        sent.clear();
        used = 0;
        copied = 0;
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
        launch.flush();
        if (results.byteSize() < bytes) {
            device.synchronize();
            if (results.address() != 0) {
                device.driver().freePinned(results.address());
            }
            results = pinned(Math.max(FIRST_BYTES, bytes));
        }
        device.driver().copyToHostLater(results.address(), from, bytes, device.stream());
        device.synchronize();
        drained = copied == used;
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
