package dev.fathom.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Finds one of NVIDIA's libraries. */
final class LibrarySearch {
    private LibrarySearch() {}

    /**
     * The first of {@code names} that the system's loader finds, or that lies in one of {@code folders}.
     *
     * @param before  told the folder of a library before it is loaded from there
     */
    static Optional<SymbolLookup> find(List<String> names, List<Path> folders, Consumer<Path> before) {
        for (String name : names) {
            Optional<SymbolLookup> found = load(name);
            for (Path folder : folders) {
                if (found.isEmpty() && Files.exists(folder.resolve(name))) {
                    before.accept(folder);
                    found = load(folder.resolve(name).toString());
                }
            }
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    /** A library by its name or path, for as long as the JVM runs. */
    static Optional<SymbolLookup> load(String library) {
        try {
            return Optional.of(SymbolLookup.libraryLookup(library, Arena.global()));
        } catch (IllegalArgumentException e) {
            return Optional.empty(); // not there
        }
    }
}
