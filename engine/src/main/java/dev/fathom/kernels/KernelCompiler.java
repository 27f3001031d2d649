package dev.fathom.kernels;

import java.io.IOException;
import java.nio.file.Path;

/** Turns the text of kernels into a library. */
public interface KernelCompiler {
    /** Name and version for people, such as {@code gcc 12.2.0}. */
    String name();

    /** Everything the compiler says about itself: another text may mean other code. */
    String identity();

    /**
     * Compiles a source whose files lie in {@code folder}.
     *
     * @param output  where the library goes, inside {@code folder}
     * @param log     gets what the compiler prints
     * @return whether there is a library now; if not, {@code log} says why
     * @throws IOException if the compiler cannot be run
     */
    boolean compile(Path folder, KernelSource source, Path output, Path log) throws IOException;
}
