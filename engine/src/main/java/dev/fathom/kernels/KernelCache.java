package dev.fathom.kernels;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Compiled kernels on disk, one folder each, named by what they were made from:
 *
 * <pre>{@code
 * c-linux-x86_64-avx2-<hash of source, options, target>-<hash of the compiler>/
 *   kernels.so
 *   entry.txt      both hashes in full, the compiler's name, the library's SHA-256
 * }</pre>
 *
 * <p>The first hash needs no compiler, so a machine without one takes any entry that begins with it. An entry holds no path
 * of the machine it was made on: a copied folder works wherever the target does. It is built in a folder of its own and
 * renamed into place, so that processes that start together never see half of one; the first to finish wins. An entry whose
 * checksum or hashes do not fit is built anew.
 *
 * <p>What lies in the folder is run as code: it must be writable only by people who may run code as this user.
 */
public final class KernelCache {
    private static final String LIBRARY = "kernels.so";
    private static final String NOTES = "entry.txt";
    private static final String BUILDING = "building-";
    private static final int INDEX_DIGITS = 16;
    private static final int COMPILER_DIGITS = 8;
    private static final int LARGEST_NOTES = 4096;
    /** A folder of a build that ended without an end is removed after this. */
    private static final Duration ABANDONED = Duration.ofHours(1);
    /** Others may put an entry in place, or take a broken one away, at the same moment; not often in a row. */
    private static final int ATTEMPTS = 5;

    private final Path folder;

    /** @param folder  need not exist yet */
    public KernelCache(Path folder) {
        this.folder = folder;
    }

    /**
     * @param library   the file to load
     * @param compiler  what made it, for people
     */
    public record Entry(Path library, String compiler) {}

    /**
     * The library of a source: this compiler's if it is there, or else can be built; otherwise any other compiler's.
     *
     * @param compiler  null where the machine has none
     * @param progress  gets pieces of text while something is built
     * @throws KernelException if there is no library and none can be built
     */
    public Entry library(KernelSource source, @Nullable KernelCompiler compiler, Consumer<String> progress) {
        String index = source.index();
        if (compiler == null) {
            return any(source, index)
                    .orElseThrow(() -> new KernelException(
                            "there is no compiler, and " + folder + " has no kernels for " + source.target()));
        }
        Path place = place(source, index, compiler);
        Optional<Entry> there = read(place, index);
        if (there.isPresent()) {
            return there.get();
        }
        try {
            return build(source, index, compiler, place, progress);
        } catch (KernelException e) {
            return any(source, index).orElseThrow(() -> e);
        }
    }

    public Path folder() {
        return folder;
    }

    /** What any compiler made of a source, if it is there. */
    public Optional<Entry> compiled(KernelSource source) {
        return any(source, source.index());
    }

    /** Takes an entry away that turned out not to load. */
    public void discard(Entry entry) {
        Path place = entry.library().getParent();
        if (place != null) {
            try {
                moveAside(place);
            } catch (IOException e) {
                throw new KernelException(
                        "the broken kernels in " + place + " cannot be removed (" + reason(e) + ")", e);
            }
        }
    }

    private static String prefix(KernelSource source, String index) {
        return source.name() + "-" + source.target() + "-" + index.substring(0, INDEX_DIGITS) + "-";
    }

    private Path place(KernelSource source, String index, KernelCompiler compiler) {
        return folder.resolve(prefix(source, index) + hash(compiler).substring(0, COMPILER_DIGITS));
    }

    private static String hash(KernelCompiler compiler) {
        return KernelSource.hash(compiler.identity().getBytes(StandardCharsets.UTF_8));
    }

    private Optional<Entry> any(KernelSource source, String index) {
        List<Path> places = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, prefix(source, index) + "*")) {
            found.forEach(places::add);
        } catch (IOException e) {
            return Optional.empty(); // no folder, or none that can be read: no entries
        }
        places.sort(Comparator.naturalOrder());
        return places.stream().flatMap(place -> read(place, index).stream()).findFirst();
    }

    /** The entry, if it is whole and was made from what {@code index} is the hash of. */
    private static Optional<Entry> read(Path place, String index) {
        try {
            Path notes = place.resolve(NOTES);
            if (!Files.isRegularFile(notes) || Files.size(notes) > LARGEST_NOTES) {
                return Optional.empty();
            }
            // Any bytes are valid in this alphabet: what is wrong is found below.
            List<String> lines = Files.readAllLines(notes, StandardCharsets.ISO_8859_1);
            Path library = place.resolve(LIBRARY);
            boolean whole = lines.size() == 4
                    && lines.get(0).equals("source " + index)
                    && lines.get(1).startsWith("compiler-hash ")
                    && lines.get(2).startsWith("compiler ")
                    && lines.get(3).equals("library " + KernelSource.hash(Files.readAllBytes(library)));
            return whole
                    ? Optional.of(new Entry(library, lines.get(2).substring("compiler ".length())))
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // as good as not there: it is built anew, or the reason shows then
        }
    }

    private Entry build(
            KernelSource source, String index, KernelCompiler compiler, Path place, Consumer<String> progress) {
        Path work = null;
        try {
            Files.createDirectories(folder);
            removeAbandoned();
            work = newFolder();
            compile(source, index, compiler, work, progress);
            return publish(work, place, index);
        } catch (IOException e) {
            throw new KernelException("no kernels can be built in " + folder + " (" + reason(e) + ")", e);
        } finally {
            if (work != null) {
                removeQuietly(work);
            }
        }
    }

    /** Leaves in {@code work} what an entry consists of. */
    private void compile(
            KernelSource source, String index, KernelCompiler compiler, Path work, Consumer<String> progress)
            throws IOException {
        progress.accept("Compiling kernels for " + source.target() + " with " + compiler.name() + " ... ");
        long start = System.nanoTime();
        for (Map.Entry<String, String> file : source.files().entrySet()) {
            Files.writeString(work.resolve(file.getKey()), file.getValue());
        }
        Path log = work.resolve("log.txt");
        Path library = work.resolve(LIBRARY);
        if (!compiler.compile(work, source, library, log)) {
            progress.accept("failed.\n");
            Path kept = folder.resolve(prefix(source, index) + "failed.log");
            Files.move(log, kept, StandardCopyOption.REPLACE_EXISTING);
            throw new KernelException(compiler.name() + " could not compile the kernels for " + source.target() + "; "
                    + kept + " has its messages");
        }
        progress.accept(String.format(Locale.ROOT, "%.1f s%n", (System.nanoTime() - start) / 1e9));
        Files.writeString(
                work.resolve(NOTES),
                String.join(
                        "\n",
                        "source " + index,
                        "compiler-hash " + hash(compiler),
                        "compiler " + compiler.name(),
                        "library " + KernelSource.hash(Files.readAllBytes(library)),
                        ""));
        Files.delete(log);
        for (String file : source.files().keySet()) {
            Files.delete(work.resolve(file));
        }
    }

    /** Renames {@code work} to {@code place}, unless another process was first with a good one. */
    private Entry publish(Path work, Path place, String index) throws IOException {
        for (int attempt = 0; ; attempt++) {
            try {
                Files.move(work, place, StandardCopyOption.ATOMIC_MOVE);
            } catch (FileSystemException e) {
                // There is something already: a good entry serves, a broken one must go first.
                Optional<Entry> theirs = read(place, index);
                if (theirs.isPresent()) {
                    return theirs.get();
                }
                if (attempt == ATTEMPTS || !Files.exists(place)) {
                    throw e;
                }
                moveAside(place);
                continue;
            }
            return read(place, index)
                    .orElseThrow(() -> new IOException(place + " is not what was written there a moment ago"));
        }
    }

    /** Takes what is at {@code place} away in one step, whoever else does the same. */
    private void moveAside(Path place) throws IOException {
        Path aside = newFolder();
        try {
            Files.move(place, aside.resolve("broken"), StandardCopyOption.ATOMIC_MOVE);
        } catch (NoSuchFileException e) {
            // another process took it
        } finally {
            removeQuietly(aside);
        }
    }

    /** One that nobody else has, readable for all who may read the cache: the container's user need not be the image's. */
    private Path newFolder() throws IOException {
        return Files.createDirectory(folder.resolve(BUILDING + UUID.randomUUID()));
    }

    private void removeAbandoned() throws IOException {
        Instant limit = Instant.now().minus(ABANDONED);
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, BUILDING + "*")) {
            for (Path work : found) {
                try {
                    if (Files.getLastModifiedTime(work).toInstant().isBefore(limit)) {
                        removeQuietly(work);
                    }
                } catch (NoSuchFileException e) {
                    // its owner has finished
                }
            }
        }
    }

    private static void removeQuietly(Path tree) {
        try (Stream<Path> all = Files.walk(tree)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException | UncheckedIOException e) {
            // Renamed into place, or removed by another process; what is left is removed as abandoned.
        }
    }

    private static String reason(IOException e) {
        return switch (e) {
            case AccessDeniedException denied -> denied.getFile() + " is not writable";
            case NoSuchFileException missing -> missing.getFile() + " is missing";
            default -> e.toString();
        };
    }
}
