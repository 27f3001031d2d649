package dev.fathom.kernels.cuda;

import java.lang.foreign.MemorySegment;

/** Device memory for what one operation leaves to the next; what it held is done with by the time it is written again. */
final class Workspace {
    private final CudaDevice device;
    private MemorySegment memory = MemorySegment.NULL;

    Workspace(CudaDevice device) {
        this.device = device;
    }

    /** Address of so many bytes. */
    long take(long bytes) {
        if (memory.byteSize() < bytes) {
            if (memory.byteSize() > 0) {
                device.free(memory);
            }
            memory = device.allocate(bytes + bytes / 4);
        }
        return memory.address();
    }
}
