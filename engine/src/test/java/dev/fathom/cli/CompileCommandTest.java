package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class CompileCommandTest {
    private final CommandRunner runner = new CommandRunner();

    @TempDir
    private Path folder;

    /** One entry for each target; where there is no compiler, a sentence that says so. */
    @Test
    void fillsTheCacheForAllTargetsAsked() throws IOException {
        int status = runner.run("compile", "--target", "avx2,avx512", "--kernel-cache-dir", folder.toString());
        if (status != 0) {
            assertThat(runner.err()).contains("there is no C compiler (cc, gcc, clang)");
            return;
        }
        assertThat(runner.err())
                .containsSubsequence("Compiling kernels for", "avx2", "Compiling kernels for", "avx512");
        assertThat(runner.out().lines()).hasSize(2).allMatch(line -> Files.exists(Path.of(line)));
        try (Stream<Path> entries = Files.list(folder)) {
            assertThat(entries).hasSize(2);
        }
        CommandRunner again = new CommandRunner();
        assertThat(again.run("compile", "--target", "avx512", "--kernel-cache-dir", folder.toString()))
                .isZero();
        assertThat(again.err()).isEmpty();
        assertThat(again.out()).contains("avx512");
    }

    @Test
    void refusesATargetItDoesNotKnow() {
        assertThat(runner.run("compile", "--target", "avx2,mmx", "--kernel-cache-dir", folder.toString()))
                .isEqualTo(1);
        assertThat(runner.err())
                .isEqualTo(
                        "fathom: There is no target named \"mmx\"; give avx2, avx2-vnni, avx512, avx512-vnni, avx512-bf16, amx, neon.\n");
    }

    @Test
    void asksForAFolder() {
        assertThat(runner.run("compile", "--target", "avx2")).isEqualTo(2);
        assertThat(runner.err()).contains("--kernel-cache-dir", "FATHOM_CACHE_DIR");
    }
}
