package dev.fathom.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * One file of a GGUF checkpoint and what its head says.
 *
 * @param bytes  the file's size when the head was read
 */
record GgufPart(Path file, long bytes, GgufHeader header) {
    /** @throws CheckpointException if the file cannot be read or its head is wrong */
    static GgufPart read(Path file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = map(file, arena);
            return new GgufPart(file, memory.byteSize(), GgufHeader.parse(memory, file.toString()));
        }
    }

    String where() {
        return file.toString();
    }

    /**
     * The whole file as read-only memory.
     *
     * @throws CheckpointException if it is not as long as it was when its head was read
     */
    MemorySegment map(Arena arena) {
        MemorySegment memory = map(file, arena);
        if (memory.byteSize() != bytes) {
            throw new CheckpointException(file + " had " + bytes + " bytes a moment ago and has " + memory.byteSize()
                    + " now: wait until it is written, then start again.");
        }
        return memory;
    }

    private static MemorySegment map(Path file, Arena arena) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            FolderFiles.refusePointer(file, mapped);
            return mapped;
        } catch (IOException e) {
            throw new CheckpointException(
                    file + " cannot be read (" + e.getMessage() + "): check that it exists and that you may read it.",
                    e);
        }
    }
}
