package dev.fathom.checkpoint.hub;

import dev.fathom.checkpoint.CheckpointException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A repository's folder in the cache, as huggingface_hub lays it out: {@code blobs} by checksum, {@code snapshots} with a folder of
 * links for each commit, {@code refs} with the commit of each branch.
 */
final class HubCache {
    /** Not the name that huggingface_hub gives its parts: the two do not know each other's locks. */
    private static final String PART = ".fathom.incomplete";

    /** A file that somebody put into a snapshot is hashed up to this size; a larger one is known by its size. */
    private static final long HASHED_BYTES = 64L << 20;

    private final Path root;
    private final Path locks;

    HubCache(Path cache, HubSite site, HubId id) {
        this.root = cache.resolve(site.folder(id));
        this.locks = cache.resolve(site.lockFolder(id));
    }

    Path folder() {
        return root;
    }

    Path blob(RepoFile file) {
        return root.resolve("blobs").resolve(file.requireHash().hex());
    }

    Path part(RepoFile file) {
        return root.resolve("blobs").resolve(file.requireHash().hex() + PART);
    }

    Path lock(RepoFile file) {
        return locks.resolve(file.requireHash().hex() + ".lock");
    }

    Path snapshot(String commit) {
        return root.resolve("snapshots").resolve(commit);
    }

    /** Whether a file's bytes are there, whole. */
    boolean holds(String commit, RepoFile file) throws IOException {
        return hasSize(blob(file), file.size()) || inSnapshot(commit, file);
    }

    /** Bytes of a file that are there already. */
    long heldBytes(String commit, RepoFile file) throws IOException {
        if (holds(commit, file)) {
            return file.size();
        }
        Path part = part(file);
        long size = Files.exists(part) ? Files.size(part) : 0;
        return size <= file.size() ? size : 0;
    }

    private static boolean hasSize(Path path, long size) throws IOException {
        return Files.isRegularFile(path) && Files.size(path) == size;
    }

    /** Whether the snapshot itself has the file: a link to its blob, or a file that was put there without a link. */
    private boolean inSnapshot(String commit, RepoFile file) throws IOException {
        Path path = snapshot(commit).resolve(file.path());
        if (!hasSize(path, file.size())) {
            return false;
        }
        if (Files.isSymbolicLink(path)) {
            return Files.readSymbolicLink(path).endsWith(file.requireHash().hex());
        }
        return file.size() > HASHED_BYTES || hashes(path, file);
    }

    private static boolean hashes(Path path, RepoFile file) throws IOException {
        MessageDigest digest = file.requireHash().digest(file.size());
        try (InputStream in = Files.newInputStream(path)) {
            digest.update(in.readAllBytes());
        }
        return file.requireHash().matches(digest);
    }

    /** Puts a file whose blob is there into a commit's snapshot. */
    void link(String commit, RepoFile file) throws IOException {
        if (inSnapshot(commit, file)) {
            return;
        }
        Path link = snapshot(commit).resolve(file.path());
        Path folder = link.resolveSibling(".").normalize();
        Files.createDirectories(folder);
        Path fresh = link.resolveSibling(
                link.getFileName() + "." + ProcessHandle.current().pid() + ".link");
        Files.deleteIfExists(fresh);
        try {
            Files.createSymbolicLink(fresh, folder.relativize(blob(file)));
        } catch (IOException | UnsupportedOperationException e) {
            linkWithoutSymbols(fresh, file);
        }
        Files.move(fresh, link, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Where symbolic links are not allowed, as on Windows. */
    private void linkWithoutSymbols(Path link, RepoFile file) throws IOException {
        try {
            Files.createLink(link, blob(file));
        } catch (FileAlreadyExistsException e) {
            throw e;
        } catch (IOException | UnsupportedOperationException e) {
            Files.copy(blob(file), link);
        }
    }

    /** Notes which commit a branch or tag stands for. */
    void writeRef(String revision, String commit) throws IOException {
        if (revision.equals(commit)) {
            return;
        }
        Path ref = ref(revision);
        Files.createDirectories(ref.resolveSibling(".").normalize());
        Path fresh = ref.resolveSibling(
                ref.getFileName() + "." + ProcessHandle.current().pid() + ".new");
        Files.writeString(fresh, commit);
        Files.move(fresh, ref, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private Path ref(String revision) {
        if (!RepoListing.staysInside(revision)) {
            throw new CheckpointException("--revision " + revision + " is neither a branch, a tag nor a commit.");
        }
        return root.resolve("refs").resolve(revision);
    }

    /** The snapshot of a revision as a listing, without asking anybody. */
    Optional<RepoListing> cached(String revision) {
        try {
            Path ref = ref(revision);
            String commit = Files.isRegularFile(ref) ? Files.readString(ref).strip() : revision;
            if (!RepoListing.staysInside(commit) || !Files.isDirectory(snapshot(commit))) {
                return Optional.empty();
            }
            return Optional.of(new RepoListing(commit, files(snapshot(commit))));
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private static List<RepoFile> files(Path snapshot) throws IOException {
        List<RepoFile> files = new ArrayList<>();
        try (Stream<Path> paths = Files.walk(snapshot)) {
            for (Path path : paths.filter(Files::isRegularFile).sorted().toList()) {
                String name = snapshot.relativize(path).toString().replace('\\', '/');
                files.add(new RepoFile(name, Files.size(path), Optional.empty()));
            }
        }
        return files;
    }

    /** Bytes that may be written where the repository is or will be. */
    long freeBytes() throws IOException {
        Path place = root.toAbsolutePath();
        while (!Files.exists(place, LinkOption.NOFOLLOW_LINKS) && place.getParent() != null) {
            place = place.getParent();
        }
        return Files.getFileStore(place).getUsableSpace();
    }

    CheckpointException unusable(IOException e) {
        return new CheckpointException(
                "The cache " + root + " cannot be used (" + e + "): see to it that it may be read and written, or give"
                        + " another folder with --download-dir, HF_HUB_CACHE or HF_HOME.",
                e);
    }
}
