package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShardIndexTest {
    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    @TempDir
    Path folder;

    private void refused(String... parts) {
        assertThatThrownBy(() -> SafetensorsSource.open(CheckpointFiles.folder(folder), LoadProgress.none()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContainingAll(parts);
    }

    private void writeTwoShards() throws IOException {
        SafetensorsWriter.writeShards(
                folder,
                new SafetensorsWriter().addF32("a", List.of(1), 1),
                new SafetensorsWriter().addF32("b", List.of(1), 2));
    }

    private void editIndex(String from, String to) throws IOException {
        Path index = folder.resolve(INDEX);
        String text = Files.readString(index);
        assertThat(text).contains(from);
        Files.writeString(index, text.replace(from, to));
    }

    @Test
    void saysThatFolderHoldsNoWeights() throws IOException {
        refused("holds no weights", "download them");
        Files.writeString(folder.resolve("pytorch_model.bin"), "");
        refused("pytorch_model.bin", "safetensors version");
    }

    @Test
    void namesMissingIndex() throws IOException {
        writeTwoShards();
        Files.delete(folder.resolve(INDEX));
        refused(FIRST, "no " + INDEX);
    }

    @Test
    void namesMissingShard() throws IOException {
        writeTwoShards();
        Files.delete(folder.resolve(SECOND));
        refused(SECOND + " is missing", "1 of 2 files are missing", "finish the download");
    }

    @Test
    void mentionsUnfinishedPartsWhenShardIsMissing() throws IOException {
        writeTwoShards();
        Files.delete(folder.resolve(SECOND));
        Path parts = Files.createDirectories(folder.resolve(".cache/huggingface/download"));
        Files.writeString(parts.resolve("xyz.incomplete"), "");
        refused(SECOND + " is missing", "1 unfinished", "xyz.incomplete");
    }

    @Test
    void refusesUnfinishedDownload() throws IOException {
        writeTwoShards();
        Files.writeString(folder.resolve(SECOND + ".incomplete"), "");
        refused("download is not finished", SECOND + ".incomplete", "finish the download");
    }

    @Test
    void namesTruncatedShard() throws IOException {
        writeTwoShards();
        byte[] bytes = Files.readAllBytes(folder.resolve(SECOND));
        Files.write(folder.resolve(SECOND), Arrays.copyOf(bytes, bytes.length - 2));
        refused(SECOND + " is truncated", "b ends at data byte 4");
    }

    @Test
    void namesTensorThatItsShardLacks() throws IOException {
        writeTwoShards();
        editIndex("\"a\":", "\"c\":\"" + SECOND + "\",\"a\":");
        refused("c is not in", SECOND, "different versions");
    }

    @Test
    void namesTensorThatIndexLacks() throws IOException {
        writeTwoShards();
        editIndex("\"a\":", "\"a2\":");
        refused("a lies in", FIRST, "does not name it");
    }

    @Test
    void namesTensorThatLiesInTwoShards() throws IOException {
        writeTwoShards();
        new SafetensorsWriter()
                .addF32("a", List.of(1), 1)
                .addF32("b", List.of(1), 2)
                .write(folder.resolve(FIRST));
        refused("b lies in", FIRST, "says it is in " + SECOND);
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x.safetensors", "/x.safetensors", "", "."})
    void refusesShardOutsideFolder(String name) throws IOException {
        writeTwoShards();
        editIndex(SECOND, name);
        refused("names the file \"" + name + "\"", "does not lie in its folder");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{} | has no weight_map",
                "[] | expected an object",
                "{\"weight_map\":[]} | an object as weight_map",
                "{\"weight_map\":{}} | names no tensor",
                "{\"weight_map\":{\"a\":1}} | a file name for a",
                "{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}} | Duplicate",
                "{\"metadata\":{\"x\":[1,{\"y\":2}]}} | has no weight_map",
                "{\"weight_map\": | not valid JSON",
                "~~ | expected an object",
            })
    void refusesDamagedIndex(String json, String expected) throws IOException {
        Files.writeString(folder.resolve(INDEX), json);
        refused(INDEX, expected);
    }

    @Test
    void prefersIndexToSingleFile() throws IOException {
        writeTwoShards();
        new SafetensorsWriter().addF32("z", List.of(1), 1).write(folder.resolve("model.safetensors"));
        try (SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), LoadProgress.none())) {
            assertThat(source.names()).containsExactlyInAnyOrder("a", "b");
        }
    }
}
