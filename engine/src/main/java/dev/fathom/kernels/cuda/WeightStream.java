package dev.fathom.kernels.cuda;

import dev.fathom.kernels.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Weights on their way from mapped files to the device. Threads read a piece into one of two pinned buffers, which is where a disk
 * is waited for, while the device copies the other one. Buffers and threads are there from the first weight until {@link
 * #rest}.
 */
final class WeightStream implements AutoCloseable {
    static final int BUFFER_BYTES = 32 << 20;

    /** More threads do not read a disk faster, and four keep up with the bus where files are in memory. */
    private static final int READERS = 4;

    /** Pieces up to this size are read by the caller alone. */
    private static final int SMALL_BYTES = 1 << 20;

    private final CudaDevice device;
    private LongConsumer progress = bytes -> {};
    private @Nullable Buffers buffers;
    private long sent;

    WeightStream(CudaDevice device) {
        this.device = device;
    }

    /** @param progress  told how many bytes have been read so far */
    void onProgress(LongConsumer progress) {
        this.progress = progress;
    }

    /** Returns when all has been read; later operations in the device's stream find it there. */
    synchronized void copy(MemorySegment host, MemorySegment to) {
        device.enter();
        if (buffers == null) {
            buffers = new Buffers(device);
        }
        for (long from = 0; from < host.byteSize(); from += BUFFER_BYTES) {
            long count = Math.min(BUFFER_BYTES, host.byteSize() - from);
            buffers.send(host.asSlice(from, count), to.address() + from);
            sent += count;
            progress.accept(sent);
        }
    }

    /** Gives the buffers and threads back. */
    synchronized void rest() {
        if (buffers != null) {
            device.synchronize();
            buffers.close();
            buffers = null;
        }
    }

    @Override
    public void close() {
        rest();
    }

    private static final class Buffers implements AutoCloseable {
        private final CudaDevice device;
        private final WorkerPool readers = new WorkerPool(READERS, "weight-reader");
        private final MemorySegment[] memory = new MemorySegment[2];
        private final long[] done = new long[2];
        private int next;

        Buffers(CudaDevice device) {
            this.device = device;
            for (int i = 0; i < memory.length; i++) {
                memory[i] = MemorySegment.ofAddress(device.driver().allocatePinned(BUFFER_BYTES))
                        .reinterpret(BUFFER_BYTES);
                done[i] = device.driver().createEvent();
            }
        }

        void send(MemorySegment piece, long to) {
            MemorySegment buffer = memory[next];
            // An event that nobody recorded yet has happened.
            device.driver().waitFor(done[next]);
            read(piece, buffer);
            device.driver().copyToDeviceLater(to, buffer.address(), piece.byteSize(), device.stream());
            device.driver().recordEvent(done[next], device.stream());
            next = 1 - next;
        }

        private void read(MemorySegment piece, MemorySegment buffer) {
            long bytes = piece.byteSize();
            // Whoever owns it waits here, so the readers may read what is confined to its thread.
            MemorySegment from =
                    piece.isNative() ? MemorySegment.ofAddress(piece.address()).reinterpret(bytes) : piece;
            int parts = bytes <= SMALL_BYTES ? 1 : READERS;
            readers.run(parts, (part, count) -> {
                long first = bytes * part / count;
                long end = bytes * (part + 1) / count;
                MemorySegment.copy(from, first, buffer, first, end - first);
            });
        }

        @Override
        public void close() {
            readers.close();
            for (int i = 0; i < memory.length; i++) {
                device.driver().destroyEvent(done[i]);
                device.driver().freePinned(memory[i].address());
            }
        }
    }
}
