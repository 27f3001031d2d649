package dev.fathom.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/** A driver's library that the C compiler makes of driver.c: a device of 64 MiB in the host's memory, which computes nothing. */
final class StandInDriver {
    private StandInDriver() {}

    /** @return the library's file */
    static String compile(Path folder) throws IOException, InterruptedException {
        Path source = folder.resolve("driver.c");
        Path library = folder.resolve("libstandin.so");
        try (InputStream in = StandInDriver.class.getResourceAsStream("/cuda/driver.c")) {
            Files.copy(Objects.requireNonNull(in), source);
        }
        Process compiler = new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString())
                .inheritIO()
                .start();
        assertThat(compiler.waitFor()).as("cc").isZero();
        return library.toString();
    }
}
