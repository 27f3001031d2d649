package dev.fathom.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Files in a folder on disk. Links are followed: the hub's cache consists of them. */
final class FolderFiles implements CheckpointFiles {
    private static final long READ_LIMIT_BYTES = 256L << 20;

    private static final String LFS_POINTER = "version https://git-lfs.github.com/spec/";

    private final Path folder;

    private FolderFiles(Path folder) {
        this.folder = folder;
    }

    static FolderFiles open(Path folder) {
        if (Files.isRegularFile(folder)) {
            throw new CheckpointException(folder
                    + " is a file: give a *.gguf file, or the folder that holds config.json and the *.safetensors"
                    + " files.");
        }
        if (!Files.isDirectory(folder)) {
            throw new CheckpointException("The model folder " + folder
                    + " does not exist: give the path of a downloaded checkpoint"
                    + " (a folder with config.json and *.safetensors).");
        }
        return new FolderFiles(folder);
    }

    @Override
    public boolean exists(String name) {
        return isPlainName(name) && Files.isRegularFile(folder.resolve(name));
    }

    @Override
    public byte[] read(String name) {
        Path file = require(name);
        try {
            long size = Files.size(file);
            if (size > READ_LIMIT_BYTES) {
                throw new CheckpointException(file + " has " + size + " bytes, at most " + READ_LIMIT_BYTES
                        + " are read at once: this is not a " + name + "; download it again.");
            }
            byte[] bytes = Files.readAllBytes(file);
            refusePointer(file, MemorySegment.ofArray(bytes));
            return bytes;
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    @Override
    public MemorySegment map(String name, Arena arena) {
        Path file = require(name);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            refusePointer(file, mapped);
            return mapped;
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /** What git leaves in a file's place where git-lfs did not fetch it. */
    static void refusePointer(Path file, MemorySegment content) {
        byte[] start = LFS_POINTER.getBytes(StandardCharsets.US_ASCII);
        if (content.byteSize() >= start.length
                && content.asSlice(0, start.length).mismatch(MemorySegment.ofArray(start)) < 0) {
            throw new CheckpointException(file + " is a Git LFS pointer of " + content.byteSize()
                    + " bytes, not the file itself: run \"git lfs pull\" in that folder, or use hf download.");
        }
    }

    @Override
    public List<String> list() {
        return list(folder);
    }

    @Override
    public List<String> unfinished() {
        List<String> names = new ArrayList<>(CheckpointFiles.super.unfinished());
        // Where the hub's client keeps parts: inside a --local-dir, or beside the snapshots of its cache.
        addIncomplete(folder.resolve(".cache/huggingface/download"), names);
        Path absolute = folder.toAbsolutePath().normalize();
        Path snapshots = absolute.getParent();
        if (snapshots != null && snapshots.endsWith("snapshots")) {
            addIncomplete(snapshots.resolveSibling("blobs"), names);
        }
        return List.copyOf(names);
    }

    private static void addIncomplete(Path place, List<String> names) {
        if (Files.isDirectory(place)) {
            for (String name : list(place)) {
                if (name.endsWith(".incomplete")) {
                    names.add(place.resolve(name).toString());
                }
            }
        }
    }

    @Override
    public String describe(String name) {
        return name.isEmpty() ? folder.toString() : folder.resolve(name).toString();
    }

    private Path require(String name) {
        if (!isPlainName(name)) {
            throw new CheckpointException("The file name \"" + name + "\" does not stay inside the model folder "
                    + folder + ": only plain file names are read.");
        }
        Path file = folder.resolve(name);
        if (Files.isRegularFile(file)) {
            return file;
        }
        if (name.equals("config.json")) {
            throw new CheckpointException("The folder " + folder + " has no config.json, so it is not a checkpoint:"
                    + " give the folder that holds config.json and the *.safetensors files.");
        }
        throw new CheckpointException(file + " is missing: download the checkpoint again, or copy this file there.");
    }

    /** A name from an index file must not lead out of the folder. */
    static boolean isPlainName(String name) {
        return !name.isBlank()
                && !name.equals(".")
                && !name.equals("..")
                && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == 0);
    }

    private static List<String> list(Path place) {
        try (Stream<Path> entries = Files.list(place)) {
            return entries.filter(Files::isRegularFile)
                    .map(entry -> String.valueOf(entry.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw unreadable(place, e);
        }
    }

    private static CheckpointException unreadable(Path file, IOException e) {
        String reason = e instanceof NoSuchFileException ? "it is gone" : String.valueOf(e.getMessage());
        return new CheckpointException(
                file + " cannot be read (" + reason + "): check that it exists and that you may read it.", e);
    }
}
