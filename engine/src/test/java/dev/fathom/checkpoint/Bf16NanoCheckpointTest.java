package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Bf16NanoCheckpointTest {
    @Test
    void equalsTheOriginalCheckpointByteForByte() throws IOException {
        Path folder = Bf16NanoCheckpoint.folder();
        Map<String, String> recorded = Bf16NanoCheckpoint.checksums();
        assertThat(recorded).hasSize(9).containsKeys("config.json", "tokenizer.json", "model.safetensors.index.json");
        for (Map.Entry<String, String> file : recorded.entrySet()) {
            assertThat(Bf16NanoCheckpoint.sha256(Files.readAllBytes(folder.resolve(file.getKey()))))
                    .as(file.getKey())
                    .isEqualTo(file.getValue());
        }
    }

    @Test
    void isBuiltOnceAndThenReused(@TempDir Path parent) throws IOException {
        Path folder = Bf16NanoCheckpoint.folder(parent);
        FileTime built = Files.getLastModifiedTime(folder.resolve("config.json"));
        assertThat(Bf16NanoCheckpoint.folder(parent)).isEqualTo(folder);
        assertThat(Files.getLastModifiedTime(folder.resolve("config.json"))).isEqualTo(built);
        try (var left = Files.list(parent)) {
            assertThat(left).containsExactly(folder);
        }
    }

    @Test
    void opensAsCheckpointWithTheSameTensorsAsTheEmbeddedOne() {
        CheckpointFiles bf16Files = CheckpointFiles.folder(Bf16NanoCheckpoint.folder());
        CheckpointFiles fp8Files = Bf16NanoCheckpoint.embeddedFp8();
        try (SafetensorsSource bf16 = SafetensorsSource.open(bf16Files, LoadProgress.none());
                SafetensorsSource fp8 = SafetensorsSource.open(fp8Files, LoadProgress.none())) {
            int quantized = 0;
            for (String name : bf16.names()) {
                if (!fp8.contains(name)) {
                    assertThat(name).containsAnyOf(".6.embed_tokens.", ".6.shared_head.head."); // copies
                    continue;
                }
                List<Long> shape = bf16.shape(name);
                assertThat(fp8.shape(name)).isEqualTo(shape);
                if (shape.size() == 2) {
                    int rows = shape.getFirst().intValue();
                    int cols = shape.getLast().intValue();
                    WeightMatrix exact = bf16.matrix(name, rows, cols);
                    WeightMatrix coarse = fp8.matrix(name, rows, cols);
                    assertThat(exact).isInstanceOf(Bf16Matrix.class);
                    if (coarse instanceof Fp8BlockMatrix blocks) {
                        quantized++;
                        requireWithinRounding(name, exact, blocks);
                    }
                } else {
                    int size = shape.getFirst().intValue();
                    assertThat(fp8.vector(name, size).toArray())
                            .isEqualTo(bf16.vector(name, size).toArray());
                }
            }
            fp8.requireAllUsed();
            assertThat(quantized).isEqualTo(344);
        }
    }

    /** E4M3 keeps 4 significant bits: half a step is 2^-4 of the value, or 2^-10 of the scale below the normal range. */
    private static void requireWithinRounding(String name, WeightMatrix exact, Fp8BlockMatrix coarse) {
        for (int row = 0; row < exact.rows(); row += 37) {
            for (int col = 0; col < exact.cols(); col++) {
                float value = exact.get(row, col);
                float scale = coarse.scales().get(row / coarse.blockRows(), col / coarse.blockCols());
                float bound = Math.max(Math.abs(value) * 0x1p-4f, scale * 0x1p-10f) * 1.0001f;
                assertThat(Math.abs(coarse.get(row, col) - value))
                        .as("%s [%d, %d]", name, row, col)
                        .isLessThanOrEqualTo(bound);
            }
        }
    }
}
