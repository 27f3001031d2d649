package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HugePagesTest {
    @TempDir
    private Path folder;

    @Test
    void refusesSystemsWhereHugePagesAreOffOrUnknown() throws IOException {
        Path enabled = folder.resolve("enabled");
        assertThatThrownBy(() -> HugePages.require(enabled))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("--huge-pages needs Linux", enabled.toString(), "leave the flag out");
        Files.writeString(enabled, "always madvise [never]\n");
        assertThatThrownBy(() -> HugePages.require(enabled))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("switched off", "write madvise there");
        Files.writeString(enabled, "always [madvise] never\n");
        HugePages.require(enabled);
    }

    @Test
    void countsTheShareOfMappingsThatHoldTheRegions() {
        List<String> mappings = List.of(
                "7f0000000000-7f0000400000 r--p 00000000 fe:00 1 /models/a.gguf",
                "Size:               4096 kB",
                "Rss:                4096 kB",
                "FilePmdMapped:      2048 kB",
                "VmFlags: rd mr mw me sd hg ",
                "7f0000400000-7f0000800000 r--p 00000000 fe:00 2 /other",
                "Rss:                4096 kB",
                "FilePmdMapped:      4096 kB",
                "7f0000800000-7f0000c00000 r--p 00000000 fe:00 3 /models/b.gguf",
                "Rss:                1024 kB",
                "FilePmdMapped:         0 kB");
        MemorySegment inTheFirst = MemorySegment.ofAddress(0x7f0000001000L).reinterpret(64);
        MemorySegment inTheThird = MemorySegment.ofAddress(0x7f0000bfffffL).reinterpret(1);
        assertThat(HugePages.share(mappings, List.of(inTheFirst))).isEqualTo(0.5);
        assertThat(HugePages.share(mappings, List.of(inTheFirst, inTheThird))).isEqualTo(0.4);
        assertThat(HugePages.share(mappings, List.of(inTheThird))).isZero();
        assertThat(HugePages.share(List.of(), List.of(inTheFirst))).isZero();
    }

    /** Whether pages become huge is the system's affair; weights stay what they are, and a sentence says how far it went. */
    @Test
    void keepsWeightsAndSaysHowManyLieInHugePages() throws IOException {
        float[] numbers = new float[5 << 18];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = i * 31;
        }
        new SafetensorsWriter()
                .addF32("a", List.of(numbers.length), numbers)
                .write(folder.resolve("model.safetensors"));
        StringBuilder said = new StringBuilder();
        try (SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), 1, 1)) {
            source.pageInHuge(saying(said), 2);
            assertThat(source.vector("a", numbers.length).toArray()).isEqualTo(numbers);
        } catch (CheckpointException e) {
            assertThat(e).hasMessageContaining("--huge-pages"); // a system without them says so
            return;
        }
        assertThat(said.toString()).containsPattern("\\d+ % of the weights lie in pages of 2 MiB");
    }

    @Test
    void refusesWeightsThatAreMadeAtLoad() {
        try (DummyWeights weights = DummyWeights.bf16(1)) {
            assertThatThrownBy(() -> weights.pageInHuge(LoadProgress.none(), 1))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("--huge-pages", "mapped from files", "leave the flag out");
        }
        List<MemorySegment> notMapped = new ArrayList<>(List.of(MemorySegment.ofArray(new byte[9])));
        assertThatThrownBy(() -> new PageIn(notMapped).runHuge(LoadProgress.none(), 1))
                .isInstanceOf(CheckpointException.class);
    }

    private static LoadProgress saying(StringBuilder said) {
        return new LoadProgress() {
            @Override
            public void advance(long bytesDone, long bytesTotal) {}

            @Override
            public void say(String text) {
                said.append(text);
            }
        };
    }
}
