package dev.fathom.checkpoint;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.DType;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/**
 * Writes a checkpoint anew in another weight format. What is written appears under its name only when it is whole; until
 * then it lies beside it, in a folder with {@code .unfinished} in its name.
 */
public final class Conversion {
    private static final String UNFINISHED = ".unfinished";

    private final CheckpointFiles files;
    private final HfConfig config;
    private final TargetFormat format;
    private final Path target;
    private volatile boolean abandoned;

    /**
     * @param files   the checkpoint to read; it is not changed
     * @param target  a folder, or a file where the format is GGUF's; must not exist
     */
    public Conversion(CheckpointFiles files, TargetFormat format, Path target) {
        this.files = files;
        this.config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        this.format = format;
        this.target = target.toAbsolutePath().normalize();
    }

    /**
     * Converts.
     *
     * @param shardBytes  most bytes of a safetensors file, except that every one holds a tensor
     * @return bytes of the new weights
     * @throws CheckpointException if the checkpoint cannot be read, the target exists, or the disk is too small or fails
     */
    public long run(long shardBytes, LoadProgress progress) {
        if (Files.exists(target)) {
            throw new CheckpointException(
                    target + " exists already, and is not overwritten: name another, or remove it.");
        }
        boolean gguf = format == TargetFormat.Q8_0;
        if (gguf != target.toString().endsWith(".gguf")) {
            throw new CheckpointException("--output " + target + ": " + format.label()
                    + (gguf ? " is written as one file, whose name ends in .gguf." : " is written as a folder."));
        }
        try (PublishedWeights weights = PublishedWeights.open(files, config)) {
            requireOther(weights);
            ConvertedGguf file = gguf ? new ConvertedGguf(files, config, weights) : null;
            ConvertedFolder folder = gguf ? null : new ConvertedFolder(files, format, weights, shardBytes);
            long bytes =
                    file != null ? file.bytes() : Objects.requireNonNull(folder).bytes();
            requireRoom(bytes);
            AtomicLong written = new AtomicLong();
            LongConsumer count = more -> {
                if (abandoned) {
                    throw new CheckpointException("The conversion was interrupted; nothing is left of it.");
                }
                progress.advance(Math.min(written.addAndGet(more), bytes), bytes);
            };
            write(part -> {
                if (file != null) {
                    file.write(part, () -> PublishedWeights.open(files, config), count);
                } else {
                    Files.createDirectory(part);
                    Objects.requireNonNull(folder).write(part, () -> PublishedWeights.open(files, config), count);
                }
            });
            return bytes;
        }
    }

    /** Ends a conversion that runs in another thread; what it wrote is removed. */
    public void abandon() {
        abandoned = true;
    }

    /** A second rounding to the same format would only lose. */
    private void requireOther(PublishedWeights weights) {
        boolean quantized = weights.stores(DType.F8_E4M3) || weights.stores(DType.I8);
        boolean same = switch (format) {
            case FP8 -> weights.stores(DType.F8_E4M3);
            case INT8 -> weights.stores(DType.I8);
            case BF16 -> weights.stores(DType.BF16) && !quantized && !weights.stores(DType.F16);
            case Q8_0 ->
                files instanceof GgufCheckpoint source && source.mainFormat().equals(Optional.of(BlockFormat.Q8_0));
        };
        if (same) {
            throw new CheckpointException(files.describe("") + " is " + format.label() + " already.");
        }
    }

    private Path folderOfTarget() {
        return Objects.requireNonNullElse(target.getParent(), target);
    }

    private void requireRoom(long bytes) {
        try {
            Files.createDirectories(folderOfTarget());
            long free = Files.getFileStore(folderOfTarget()).getUsableSpace();
            if (free < bytes) {
                throw new CheckpointException(
                        "%s needs %.1f GB, but its disk has only %.1f GB free: make room, or name a place on another disk with --output."
                                .formatted(target, bytes / 1e9, free / 1e9));
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private interface Writing {
        void to(Path part) throws IOException;
    }

    private void write(Writing writing) {
        String name = String.valueOf(target.getFileName());
        Path work = target.resolveSibling(
                name + UNFINISHED + "-" + ProcessHandle.current().pid());
        try {
            Files.createDirectory(work);
            Path part = work.resolve(name);
            writing.to(part);
            if (Files.exists(target)) {
                throw new FileAlreadyExistsException(target.toString());
            }
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failed(e);
        } finally {
            remove(work);
        }
    }

    private CheckpointException failed(IOException e) {
        return new CheckpointException(target + " cannot be written (" + e + "); nothing is left of it.", e);
    }

    private static void remove(Path place) {
        if (!Files.exists(place)) {
            return;
        }
        try (Stream<Path> all = Files.walk(place)) {
            List<Path> deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
            for (Path path : deepestFirst) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            throw new CheckpointException(place + " cannot be removed (" + e + "): remove it by hand.", e);
        }
    }
}
