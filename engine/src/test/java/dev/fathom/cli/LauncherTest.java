package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Runs the launcher's own test, a shell script, which names each check. */
@Tag("slow")
class LauncherTest {
    @Test
    @Timeout(120)
    void passesItsChecks() throws IOException, InterruptedException {
        Path launcher = Path.of("..", "fathom").toAbsolutePath().normalize();
        Path script = Path.of("src", "test", "sh", "launcher-test").toAbsolutePath();
        assertThat(launcher).isExecutable();
        Path output = Files.createTempFile("launcher-test", ".log");
        try {
            Process process = new ProcessBuilder("sh", script.toString(), launcher.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            int status = process.waitFor();
            List<String> lines = Files.readAllLines(output, StandardCharsets.UTF_8);
            assertThat(lines).noneMatch(line -> line.startsWith("FAILED"));
            assertThat(status).as(String.join("\n", lines)).isZero();
            assertThat(lines.getLast()).matches("[3-9][0-9] passed, 0 failed");
        } finally {
            Files.delete(output);
        }
    }
}
