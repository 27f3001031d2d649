package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigFileTest {
    private final FlagTable table = FlagTable.load();

    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("server.yaml");
    }

    private List<String> expand(String yaml, String... args) throws IOException {
        Files.writeString(file, yaml);
        return ConfigFile.expand(List.of(args), table);
    }

    @Test
    void putsItsFlagsBeforeThoseOfTheCommandLine() throws IOException {
        assertThat(expand("""
                # a comment
                model-path: /models/v3
                mem_fraction_static: 0.7
                skip-server-warmup: true
                enable-metrics: false
                api-key:
                served-model-name: "yes"
                """, "serve", "--port", "4", "--config", file.toString()))
                .containsExactly(
                        "serve",
                        "--model-path=/models/v3",
                        "--mem-fraction-static=0.7",
                        "--skip-server-warmup",
                        "--served-model-name=yes",
                        "--port",
                        "4",
                        "--config=" + file);
    }

    @Test
    void yieldsToTheCommandLineWhateverNameItUses() throws IOException {
        assertThat(expand(
                        "model-path: /models/v3\ntensor-parallel-size: 8\nport: 5",
                        "serve",
                        "--config=" + file,
                        "--model",
                        "/m",
                        "--tp=1"))
                .containsExactly("serve", "--port=5", "--model", "/m", "--tp=1", "--config=" + file);
    }

    @Test
    void givesListsAsSeveralValuesAndObjectsAsJson() throws IOException {
        assertThat(expand(
                        "cuda-graph-bs: [1, 2, 4]\njson-model-override-args: {rope_theta: 5000, a: [true]}",
                        "serve",
                        "--config",
                        file.toString()))
                .containsExactly(
                        "serve",
                        "--cuda-graph-bs",
                        "1",
                        "2",
                        "4",
                        "--json-model-override-args={\"rope_theta\":5000,\"a\":[true]}",
                        "--config=" + file);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "skip-server-warmup: 1 | skip-server-warmup must be true or false, got 1.",
                "[a, b] | must hold flags and values",
                "'a: [1' | is not valid YAML: ",
                "'model: a\nmodel-path: b' | gives --model-path twice.",
                "'port: 1\nport: 2' | is not valid YAML: ",
                "config: other.yaml | a configuration file names no other.",
            })
    void saysWhatIsWrongWithTheFile(String yaml, String sentence) {
        assertThatThrownBy(() -> expand(yaml, "serve", "--config", file.toString()))
                .isInstanceOf(CliException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(sentence);
    }

    @Test
    void saysThatTheFileIsMissingOrNamedTwice() {
        assertThatThrownBy(() -> ConfigFile.expand(List.of("serve", "--config", "none.yaml"), table))
                .hasMessage("The configuration file none.yaml cannot be read: there is no such file.");
        assertThatThrownBy(() -> ConfigFile.expand(List.of("serve", "--config", "a", "--config", "b"), table))
                .hasMessage("--config is given more than once: a, b.");
        assertThatThrownBy(() -> ConfigFile.expand(List.of("serve", "--config"), table))
                .hasMessage("--config needs a value.");
    }

    @Test
    void isReadByTheServer() throws IOException {
        Files.writeString(file, "tp: 2\n");
        CommandRunner runner = new CommandRunner();
        assertThat(runner.run("serve", "--config", file.toString())).isEqualTo(2);
        assertThat(runner.err()).startsWith("fathom: --tp 2 is not supported in this version: ");
        CommandRunner overridden = new CommandRunner();
        Files.writeString(file, "tp: 2\nport: 70000\n");
        assertThat(overridden.run("serve", "--config", file.toString(), "--tp-size", "1"))
                .isEqualTo(2);
        assertThat(overridden.err()).startsWith("fathom: --port must be in [0, 65535], got 70000.");
    }
}
