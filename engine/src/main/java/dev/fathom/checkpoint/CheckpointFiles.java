package dev.fathom.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/** The files of one checkpoint by their names: a folder, or resources on the class path. */
public interface CheckpointFiles {
    boolean exists(String name);

    /**
     * A whole small file, such as config.json or tokenizer.json.
     *
     * @throws CheckpointException if it is missing, unreadable or larger than 256 MiB
     */
    byte[] read(String name);

    /**
     * A whole file as read-only memory that lives as long as {@code arena}.
     *
     * @throws CheckpointException if it is missing or unreadable
     */
    MemorySegment map(String name, Arena arena);

    /** Names of the files that lie directly in the checkpoint, sorted. */
    List<String> list();

    /** Names of files that a download left unfinished ({@code *.incomplete}); they need not be in {@link #list}. */
    default List<String> unfinished() {
        return list().stream().filter(name -> name.endsWith(".incomplete")).toList();
    }

    /** Where a file is, for messages; with an empty name, where the checkpoint is. */
    String describe(String name);

    /**
     * A checkpoint folder; its files are mapped, not copied.
     *
     * @throws CheckpointException if there is no such folder
     */
    static CheckpointFiles folder(Path folder) {
        return FolderFiles.open(folder);
    }

    /**
     * Resources that {@code loader} finds under {@code prefix}; weights are read into off-heap memory.
     *
     * @param prefix  ends in a slash, such as {@code models/nano/}
     * @param names   all files of the checkpoint (a class path cannot be listed)
     */
    static CheckpointFiles resources(ClassLoader loader, String prefix, List<String> names) {
        return new ResourceFiles(loader, prefix, names);
    }
}
