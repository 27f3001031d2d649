package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
    private final CommandRunner runner = new CommandRunner();

    @ParameterizedTest
    @ValueSource(strings = {"--version", "-V", "version"})
    void tellsItsVersion(String word) {
        assertThat(runner.run(word)).isZero();
        assertThat(runner.out()).matches("fathom \\S.*, JDK 2\\d.*, \\S+ \\S+\\R");
    }

    @ParameterizedTest
    @ValueSource(strings = {"serve", "chat", "generate", "bench", "download", "plan", "compile"})
    void helpsWithEveryCommandByExamples(String command) {
        assertThat(runner.run(command, "--help")).isZero();
        assertThat(runner.out()).contains("Usage: fathom " + command, "Examples:", "fathom " + command);
        assertThat(runner.err()).isEmpty();
    }

    @Test
    void asksForACommand() {
        assertThat(runner.run()).isEqualTo(2);
        assertThat(runner.err()).startsWith("fathom: Which command?");
    }

    @Test
    void hidesTheCommandOfTheBuild() {
        runner.run("--help");
        assertThat(runner.out()).contains("serve", "chat", "generate", "bench").doesNotContain("aot-training");
    }

    @Test
    void suggestsACommand() {
        assertThat(runner.run("serv")).isEqualTo(2);
        assertThat(runner.err()).startsWith("fathom: Unknown word serv. Did you mean serve?");
    }

    @Test
    void refusesAnEnvironmentItCannotRead() {
        assertThat(Main.run(List.of("bench"), runner.terminal(), Map.of("SGLANG_HEALTH_CHECK_TIMEOUT", "x")))
                .isEqualTo(2);
        assertThat(runner.err()).startsWith("fathom: SGLANG_HEALTH_CHECK_TIMEOUT must be");
    }

    @Test
    void saysWhatIsWrongWithAModelFolderInASentence() {
        assertThat(runner.run("generate", "--model-path", "/no/such/folder", "--prompt", "x"))
                .isEqualTo(1);
        assertThat(runner.err())
                .startsWith("fathom: ")
                .contains("/no/such/folder")
                .doesNotContain("Exception");
        assertThat(runner.err().lines()).hasSize(1);
    }
}
