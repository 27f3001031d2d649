package dev.fathom.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** A checkpoint on the class path. A stored jar entry cannot be mapped by name, so weights are copied off-heap. */
final class ResourceFiles implements CheckpointFiles {
    private final ClassLoader loader;
    private final String prefix;
    private final List<String> names;

    ResourceFiles(ClassLoader loader, String prefix, List<String> names) {
        this.loader = loader;
        this.prefix = prefix;
        this.names = names.stream().sorted().toList();
    }

    @Override
    public boolean exists(String name) {
        return names.contains(name);
    }

    @Override
    public byte[] read(String name) {
        if (!exists(name)) {
            throw new CheckpointException("The embedded model has no file " + name + ", only " + names + ".");
        }
        try (InputStream in = loader.getResourceAsStream(prefix + name)) {
            if (in == null) {
                throw new CheckpointException("The resource " + prefix + name
                        + " of the embedded model is not on the class path: the build is incomplete, build again.");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new CheckpointException(
                    "The resource " + prefix + name + " cannot be read (" + e.getMessage() + "): build again.", e);
        }
    }

    @Override
    public MemorySegment map(String name, Arena arena) {
        byte[] bytes = read(name);
        MemorySegment memory = arena.allocate(bytes.length, 64);
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return memory.asReadOnly();
    }

    @Override
    public List<String> list() {
        return names;
    }

    @Override
    public String describe(String name) {
        return "embedded " + prefix + name;
    }
}
