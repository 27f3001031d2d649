package dev.fathom.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConvertCommandTest {
    private final CommandRunner runner = new CommandRunner();

    @TempDir
    Path folder;

    @Test
    void writesTheEmbeddedModelInAnotherFormat() {
        Path target = folder.resolve("nano-bf16");
        assertThat(runner.run("convert", "--to", "bf16", "--output", target.toString(), "--max-shard-size", "30MB"))
                .isZero();
        assertThat(runner.err()).startsWith("Wrote " + target + ", 47.2 MB, in ");
        assertThat(target.resolve("model-00002-of-00002.safetensors")).exists();
        CommandRunner again = new CommandRunner();
        assertThat(again.run("convert", "--to", "int8", "--output", target.toString()))
                .isEqualTo(1);
        assertThat(again.err()).contains(target + " exists already, and is not overwritten");
        assertThat(Files.exists(target.resolve("config.json"))).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--to q4_k --output x | --to must be one of bf16, fp8, int8, q8_0, got q4_k.",
                "--to fp8 --output x --max-shard-size 5 | --max-shard-size must be a size such as 500MB or 5GB, got 5.",
                "--to fp8 | Missing required option: '--output=PATH'",
            })
    void refusesWrongCommandLinesInASentence(String line, String sentence) {
        assertThat(runner.run(("convert " + line).split(" "))).isEqualTo(2);
        assertThat(runner.err()).startsWith("fathom: " + sentence);
    }
}
