package dev.fathom.kernels.c;

import dev.fathom.kernels.KernelCompiler;
import dev.fathom.kernels.KernelSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The C compiler of the system, found on the path.
 *
 * @param command   what starts it
 * @param identity  the first line of its {@code --version}, without the program's name: cc and gcc may be one compiler
 */
record CCompiler(String command, String identity) implements KernelCompiler {
    static final List<String> USUAL = List.of("cc", "gcc", "clang");

    private static final long VERSION_SECONDS = 20;
    private static final long COMPILE_SECONDS = 300;
    private static final Pattern VERSION = Pattern.compile("\\d+(\\.\\d+)+");

    /** The first of {@code commands} that is there. */
    static Optional<CCompiler> find(List<String> commands) {
        for (String command : commands) {
            String text = version(command);
            if (text != null) {
                return Optional.of(new CCompiler(command, text));
            }
        }
        return Optional.empty();
    }

    private static @Nullable String version(String command) {
        try {
            Process process = new ProcessBuilder(command, "--version")
                    .redirectErrorStream(true)
                    .start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!finishes(process, VERSION_SECONDS) || process.exitValue() != 0) {
                return null;
            }
            String line = text.lines().findFirst().orElse("").strip();
            String maker = text.contains("clang") ? "clang" : "gcc";
            return maker + " " + line.substring(line.indexOf(' ') + 1);
        } catch (IOException e) {
            return null; // no such command
        }
    }

    private static boolean finishes(Process process, long seconds) {
        try {
            if (process.waitFor(seconds, TimeUnit.SECONDS)) {
                return true;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroyForcibly();
        return false;
    }

    @Override
    public String name() {
        String maker = identity.substring(0, identity.indexOf(' '));
        // What distributions put in parentheses has numbers, too.
        Matcher version = VERSION.matcher(identity.replaceAll("\\([^)]*\\)", ""));
        return version.find() ? maker + " " + version.group() : maker;
    }

    @Override
    public boolean compile(Path folder, KernelSource source, Path output, Path log) throws IOException {
        List<String> line = new ArrayList<>(List.of(command));
        line.addAll(source.options());
        // Relative names: no path of this machine gets into the library.
        line.addAll(List.of("-o", folder.relativize(output).toString()));
        source.files().keySet().stream().filter(name -> name.endsWith(".c")).forEach(line::add);
        Files.writeString(log, String.join(" ", line) + "\n");
        Process process = new ProcessBuilder(line)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        process.getOutputStream().close();
        if (!finishes(process, COMPILE_SECONDS)) {
            Files.writeString(log, "It was stopped after " + COMPILE_SECONDS + " s.\n", StandardOpenOption.APPEND);
            return false;
        }
        return process.exitValue() == 0 && Files.isRegularFile(output);
    }
}
