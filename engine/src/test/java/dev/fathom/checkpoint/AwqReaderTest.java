package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AwqReaderTest {
    @TempDir
    Path folder;

    private SafetensorsSource open(int group) throws IOException {
        try (InputStream in = AwqReaderTest.class.getResourceAsStream("/golden/awq/group" + group + ".safetensors")) {
            Files.copy(Objects.requireNonNull(in), folder.resolve("model.safetensors"));
        }
        return SafetensorsSource.open(CheckpointFiles.folder(folder), 1, group);
    }

    @ParameterizedTest
    @CsvSource({"32, 24, 128", "64, 8, 192", "128, 16, 256"})
    void meansWhatAutoAwqUnpacks(int group, int rows, int cols) throws IOException {
        try (SafetensorsSource source = open(group)) {
            long files = source.totalBytes();
            assertThat(source.contains("a.weight")).isTrue();
            assertThat(source.contains("b.weight")).isFalse();
            WeightMatrix weight = source.matrix("a.weight", rows, cols);
            WeightMatrix expected = source.matrix("expected", rows, cols);
            assertThat(((BlockMatrix) weight).format()).isEqualTo(BlockFormat.AWQ);
            for (int row = 0; row < rows; row++) {
                for (int col = 0; col < cols; col++) {
                    assertThat(weight.get(row, col)).as("[%d, %d]", row, col).isEqualTo(expected.get(row, col) + 0f);
                }
            }
            int stored = rows * cols / 2 + cols / group * (rows / 2 + 2 * rows);
            assertThat(source.totalBytes()).isEqualTo(files - stored + weight.bytes());
            source.requireAllUsed();
        }
    }

    @Test
    void cutsRowsAndColumnsAmongRanks() throws IOException {
        try (SafetensorsSource source = open(128)) {
            WeightMatrix whole = source.matrix("a.weight", 16, 256);
            WeightMatrix lower = source.matrix("a.weight", 16, 256, new Shard(Shard.Axis.ROWS, 1, 2));
            WeightMatrix right = source.matrix("a.weight", 16, 256, new Shard(Shard.Axis.COLS, 1, 2));
            assertThat(lower.get(3, 77)).isEqualTo(whole.get(11, 77));
            assertThat(right.get(5, 9)).isEqualTo(whole.get(5, 137));
        }
    }

    private static SafetensorsWriter parts(
            String codesType, List<Integer> codes, List<Integer> zeros, String scaleType) {
        return new SafetensorsWriter()
                .add("a.qweight", codesType, codes, new byte[4 * codes.get(0) * codes.get(1)])
                .add("a.qzeros", "I32", zeros, new byte[4 * zeros.get(0) * zeros.get(1)])
                .add("a.scales", scaleType, List.of(2, 16), new byte[64]);
    }

    private void refused(SafetensorsWriter writer, int group, String... parts) {
        writer.write(folder.resolve("model.safetensors"));
        try (SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), 1, group)) {
            assertThatThrownBy(() -> source.matrix("a.weight", 16, 64))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll(parts);
        }
    }

    @Test
    void refusesPartsThatDoNotFit() {
        List<Integer> codes = List.of(64, 2);
        List<Integer> zeros = List.of(2, 2);
        refused(parts("I32", List.of(2, 64), zeros, "F16"), 32, "a.qweight: shape [2, 64]", "config says [64, 2]");
        refused(parts("I32", codes, List.of(1, 4), "F16"), 32, "a.qzeros: shape [1, 4]", "config says [2, 2]");
        refused(parts("U32", codes, zeros, "F16"), 32, "a.qweight: dtype U32", "must be I32");
        refused(parts("I32", codes, zeros, "BF16"), 32, "a.scales: dtype BF16", "must be F16");
        refused(parts("I32", codes, zeros, "F16"), 128, "AWQ groups of 128 (group_size in config.json)", "[16, 64]");
        refused(
                new SafetensorsWriter().add("a.qweight", "I32", codes, new byte[512]),
                32,
                "a.qzeros is missing",
                "download them again");
    }
}
