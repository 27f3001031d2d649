package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files below the weights: several of them, brought into memory, changed and closed. */
class SafetensorsFilesTest {
    @TempDir
    Path folder;

    @Test
    void readsShardsByIndex() throws IOException {
        SafetensorsWriter.writeShards(
                folder,
                new SafetensorsWriter().addF32("a", List.of(1), 1),
                new SafetensorsWriter().addF32("b", List.of(1), 2));
        try (SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), 128, 128)) {
            assertThat(source.vector("a", 1).get(0, 0)).isEqualTo(1);
            assertThat(source.vector("b", 1).get(0, 0)).isEqualTo(2);
        }
    }

    @Test
    void pagesInAllButIgnoredTensors() throws IOException {
        byte[] large = new byte[40 << 20];
        SafetensorsWriter.writeShards(
                folder,
                new SafetensorsWriter().add("a", "U8", List.of(large.length), large),
                new SafetensorsWriter()
                        .addF32("b", List.of(1), 2)
                        .addF32("mtp.c", List.of(1), 2)
                        .addF32("d", List.of(1), 2));
        try (SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), 128, 128)) {
            source.ignore("mtp.");
            for (int threads : new int[] {1, 3}) {
                List<Long> seen = new ArrayList<>();
                Thread caller = Thread.currentThread();
                source.pageIn(
                        (done, total) -> {
                            assertThat(Thread.currentThread()).isSameAs(caller);
                            assertThat(total).isEqualTo(large.length + 8L);
                            seen.add(done);
                        },
                        threads);
                assertThat(seen).isSorted().last().isEqualTo(large.length + 8L);
            }
        }
    }

    @Test
    void unmapsWhenProgressFails() {
        new SafetensorsWriter().addF32("a", List.of(1), 1).write(folder.resolve("model.safetensors"));
        MemoryWatch watch = new MemoryWatch(CheckpointFiles.folder(folder));
        assertThatThrownBy(() -> SafetensorsSource.open(watch, (done, total) -> {
                    throw new UnsupportedOperationException("cancelled");
                }))
                .hasMessage("cancelled");
        assertThat(watch.mapped)
                .singleElement()
                .satisfies(memory -> assertThat(memory.scope().isAlive()).isFalse());
    }

    /** Remembers what was mapped. */
    private static final class MemoryWatch implements CheckpointFiles {
        private final CheckpointFiles files;
        private final List<MemorySegment> mapped = new ArrayList<>();

        MemoryWatch(CheckpointFiles files) {
            this.files = files;
        }

        @Override
        public boolean exists(String name) {
            return files.exists(name);
        }

        @Override
        public byte[] read(String name) {
            return files.read(name);
        }

        @Override
        public MemorySegment map(String name, Arena arena) {
            mapped.add(files.map(name, arena));
            return mapped.getLast();
        }

        @Override
        public List<String> list() {
            return files.list();
        }

        @Override
        public String describe(String name) {
            return files.describe(name);
        }
    }

    @Test
    void saysWhenFileShrankAfterItWasOpened() throws IOException {
        Path file = folder.resolve("model.safetensors");
        new SafetensorsWriter()
                .add("a", "U8", List.of(1 << 20), new byte[1 << 20])
                .write(file);
        try (SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), 128, 128)) {
            Files.write(file, new byte[10]);
            assertThatThrownBy(() -> source.pageIn(LoadProgress.none(), 1))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("a file changed while it was mapped");
        }
    }

    @Test
    void makesMatricesUnusableWhenClosed() {
        new SafetensorsWriter().addF32("a", List.of(1, 1), 1).write(folder.resolve("model.safetensors"));
        SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), 128, 128);
        WeightMatrix matrix = source.matrix("a", 1, 1);
        source.close();
        assertThatThrownBy(() -> matrix.get(0, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void opensTheTinyModelFromFolderAndResources() {
        List<String> names = List.of("config.json", "model.safetensors", "golden_logits.safetensors");
        CheckpointFiles files =
                CheckpointFiles.resources(getClass().getClassLoader(), "golden/tiny-deepseek-v3/", names);
        HfConfig config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        assertThat(config.architecture()).isEqualTo("DeepseekV3ForCausalLM");
        try (SafetensorsSource source = SafetensorsSource.open(files, LoadProgress.none());
                SafetensorsSource golden = SafetensorsSource.openFile(files, "golden_logits.safetensors")) {
            int vocabulary = config.integer("vocab_size");
            assertThat(source.matrix("lm_head.weight", vocabulary, config.integer("hidden_size")))
                    .isInstanceOf(Bf16Matrix.class);
            assertThat(source.vector("model.layers.1.mlp.gate.e_score_correction_bias", 16)
                            .toArray())
                    .hasSize(16);
            assertThat(golden.names()).isNotEmpty();
        }
    }
}
