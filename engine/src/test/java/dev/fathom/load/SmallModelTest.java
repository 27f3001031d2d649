package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.NanoGguf;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SmallModelTest {
    @TempDir
    Path folder;

    @Test
    void isOfTheSameArchitectureAndBackendButSmall() {
        try (SmallModel small = SmallModel.of(LoadOptions.EMBEDDED.withThreads(1))) {
            assertThat(small.model().vocabularySize()).isEqualTo(128);
            assertThat(small.model().kvShape().layers()).isEqualTo(2);
            assertThat(small.kernels().name()).isEqualTo("vector");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-deepseek-v2-lite", "tiny-deepseek-v2", "tiny-llama", "tiny-qwen2"})
    void takesAfterEveryArchitecture(String model) throws IOException {
        try (InputStream config =
                Objects.requireNonNull(getClass().getResourceAsStream("/golden/" + model + "/config.json"), model)) {
            Files.copy(config, folder.resolve("config.json"));
        }
        LoadOptions options = LoadOptions.EMBEDDED.withModelPath(folder).withKernelBackend("scalar");
        try (SmallModel small = SmallModel.of(options)) {
            assertThat(small.model().vocabularySize()).isEqualTo(128);
            assertThat(small.model().kvShape().layers()).isEqualTo(2);
        }
    }

    @Test
    void takesAfterAGgufFile() {
        LoadOptions options = LoadOptions.EMBEDDED
                .withModelPath(NanoGguf.file("Q8_0"))
                .withKernelBackend("scalar")
                .withThreads(1);
        try (SmallModel small = SmallModel.of(options)) {
            assertThat(small.model().vocabularySize()).isEqualTo(128);
        }
    }

    @Test
    void refusesWhatCannotBeLoadedAtAll() {
        LoadOptions missing = LoadOptions.EMBEDDED.withModelPath(folder.resolve("none"));
        assertThatThrownBy(() -> SmallModel.of(missing)).isInstanceOf(CheckpointException.class);
    }
}
