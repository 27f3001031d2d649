package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    @Test
    void refusesWhatCannotBeLoadedAtAll() {
        LoadOptions missing = LoadOptions.EMBEDDED.withModelPath(folder.resolve("none"));
        assertThatThrownBy(() -> SmallModel.of(missing)).isInstanceOf(CheckpointException.class);
    }
}
