package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointFilesTest {
    @TempDir
    Path folder;

    @Test
    void refusesFolderThatDoesNotExist() {
        Path missing = folder.resolve("nowhere");
        assertThatThrownBy(() -> CheckpointFiles.folder(missing))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(missing.toString())
                .hasMessageContaining("does not exist");
    }

    @Test
    void refusesFileInPlaceOfFolder() throws IOException {
        Path file = Files.writeString(folder.resolve("model.safetensors"), "x");
        assertThatThrownBy(() -> CheckpointFiles.folder(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("is a file");
    }

    @Test
    void saysThatFolderWithoutConfigIsNoCheckpoint() {
        CheckpointFiles files = CheckpointFiles.folder(folder);
        assertThatThrownBy(() -> files.read("config.json"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("has no config.json")
                .hasMessageContaining(folder.toString());
    }

    @Test
    void readsMapsAndListsFilesOfFolder() throws IOException {
        Files.writeString(folder.resolve("b.txt"), "hello");
        Files.writeString(folder.resolve("a.txt"), "");
        Files.createDirectory(folder.resolve("sub"));
        CheckpointFiles files = CheckpointFiles.folder(folder);
        assertThat(files.list()).containsExactly("a.txt", "b.txt");
        assertThat(files.exists("b.txt")).isTrue();
        assertThat(files.exists("sub")).isFalse();
        assertThat(files.read("b.txt")).asString(StandardCharsets.UTF_8).isEqualTo("hello");
        assertThat(files.describe("b.txt")).isEqualTo(folder + "/b.txt");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = files.map("b.txt", arena);
            assertThat(memory.toArray(ValueLayout.JAVA_BYTE))
                    .asString(StandardCharsets.UTF_8)
                    .isEqualTo("hello");
            assertThat(memory.isMapped()).isTrue();
            assertThat(memory.isReadOnly()).isTrue();
            assertThat(files.map("a.txt", arena).byteSize()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"../secret", "/etc/passwd", "..", ".", "", "a\\b", "sub/file"})
    void readsNothingOutsideFolder(String name) {
        CheckpointFiles files = CheckpointFiles.folder(folder);
        assertThat(files.exists(name)).isFalse();
        assertThatThrownBy(() -> files.read(name))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("does not stay inside");
    }

    @Test
    void followsLinksAsHubCacheUsesThem() throws IOException {
        Path blobs = Files.createDirectory(folder.resolve("blobs"));
        Path snapshot = Files.createDirectories(folder.resolve("snapshots/abc"));
        Files.writeString(blobs.resolve("123"), "{}");
        Files.createSymbolicLink(snapshot.resolve("config.json"), Path.of("../../blobs/123"));
        CheckpointFiles files = CheckpointFiles.folder(snapshot);
        assertThat(files.read("config.json")).asString(StandardCharsets.UTF_8).isEqualTo("{}");
        assertThat(files.unfinished()).isEmpty();
        Files.writeString(blobs.resolve("456.incomplete"), "");
        assertThat(files.unfinished()).singleElement().asString().endsWith("456.incomplete");
    }

    @Test
    void readsResourcesIntoMemory() {
        CheckpointFiles files = CheckpointFiles.resources(
                getClass().getClassLoader(), "golden/tiny-deepseek-v3/", List.of("config.json", "model.safetensors"));
        assertThat(files.list()).containsExactly("config.json", "model.safetensors");
        assertThat(files.exists("golden.json")).isFalse();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = files.map("config.json", arena);
            assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(files.read("config.json"));
        }
        assertThatThrownBy(() -> files.read("golden.json"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("has no file golden.json");
    }

    @Test
    void namesResourceThatBuildLacks() {
        CheckpointFiles files =
                CheckpointFiles.resources(getClass().getClassLoader(), "golden/none/", List.of("config.json"));
        assertThatThrownBy(() -> files.read("config.json"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("golden/none/config.json")
                .hasMessageContaining("build again");
    }
}
