package dev.fathom.http;

import dev.fathom.api.RequestException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;
import org.jspecify.annotations.Nullable;

/**
 * Records the JVM to a file, which JDK Mission Control and {@code jfr print} read. Files go nowhere but into the folder that
 * the server was started with, or below it.
 */
final class Profiler {
    private static final DateTimeFormatter NAME =
            DateTimeFormatter.ofPattern("'fathom-'uuuuMMdd-HHmmss-SSS'.jfr'", Locale.ROOT);

    private final @Nullable Path allowed;
    private @Nullable Recording recording;

    /** @param allowed null allows no recording */
    Profiler(@Nullable Path allowed) {
        this.allowed = allowed == null ? null : allowed.toAbsolutePath().normalize();
    }

    /**
     * Begins to record; gives the file.
     *
     * @param asked  a folder, or null for the allowed one
     */
    synchronized Path start(@Nullable String asked) {
        if (recording != null) {
            throw RequestException.invalid("body", "A profile is being recorded already: stop it with /stop_profile.");
        }
        Path folder = folder(asked);
        Path file = folder.resolve(LocalDateTime.now(ZoneId.systemDefault()).format(NAME));
        try {
            Files.createDirectories(folder);
            requireInside(folder.toRealPath());
            Recording started = new Recording(Configuration.getConfiguration("profile"));
            started.setToDisk(true);
            started.setDestination(file);
            started.start();
            recording = started;
        } catch (IOException | ParseException e) {
            throw RequestException.invalid("output_dir", "No profile can be recorded to " + file + ": " + e + ".");
        }
        return file;
    }

    /** Ends the recording and writes it; gives the file. */
    synchronized Path stop() {
        Recording running = recording;
        if (running == null) {
            throw RequestException.invalid("body", "No profile is being recorded: start one with /start_profile.");
        }
        recording = null;
        Path file = running.getDestination();
        running.stop(); // writes the file, as it has a destination
        running.close();
        return file;
    }

    private Path folder(@Nullable String asked) {
        if (allowed == null) {
            throw RequestException.invalid(
                    "output_dir", "The server may write no profile: start it with --profile-folder DIR.");
        }
        if (asked == null) {
            return allowed;
        }
        try {
            Path folder = allowed.resolve(asked).normalize();
            if (folder.startsWith(allowed)) {
                return folder;
            }
        } catch (InvalidPathException e) {
            throw RequestException.invalid("output_dir", "output_dir is no path: " + e.getReason() + ".");
        }
        throw outside();
    }

    /** Links may lead elsewhere. */
    private void requireInside(Path real) throws IOException {
        if (allowed == null || !real.startsWith(allowed.toRealPath())) {
            throw outside();
        }
    }

    private static RequestException outside() {
        return RequestException.invalid(
                "output_dir", "output_dir must lie in the folder that the server was started with (--profile-folder).");
    }
}
