package dev.fathom.checkpoint.hub;

import java.util.Optional;

/**
 * A file of a repository.
 *
 * @param path  with slashes, below the repository; {@link RepoListing} has seen to it that it does not lead out
 * @param size  bytes; -1 where the listing does not say
 * @param hash  empty where the listing does not say
 */
record RepoFile(String path, long size, Optional<FileHash> hash) {
    /** The last name of the path. */
    String name() {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    boolean topLevel() {
        return path.indexOf('/') < 0;
    }

    boolean known() {
        return size >= 0 && hash.isPresent();
    }

    FileHash requireHash() {
        return hash.orElseThrow(() -> new IllegalStateException("nobody asked for the checksum of " + path));
    }
}
