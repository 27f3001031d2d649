package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlainMemoryTest {
    @Test
    void mappedFileIsReadAsAllocatedMemoryIs(@TempDir Path folder) throws IOException {
        Path file = Files.write(folder.resolve("bytes"), new byte[] {1, 2, 3});
        MemorySegment plain;
        try (Arena arena = Arena.ofShared()) {
            plain = PlainMemory.of(map(file, arena), arena);

            assertThat(plain.isMapped()).isFalse();
            assertThat(plain.getClass()).isEqualTo(arena.allocate(1).getClass());
            assertThat(plain.toArray(ValueLayout.JAVA_BYTE)).containsExactly(1, 2, 3);
            assertThat(plain.isReadOnly()).isTrue();
        }
        assertThatThrownBy(() -> plain.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void memoryThatIsNotMappedStaysAsItIs() {
        MemorySegment array = MemorySegment.ofArray(new byte[1]);

        assertThat(PlainMemory.of(array, Arena.global())).isSameAs(array);
    }

    private static MemorySegment map(Path file, Arena arena) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        }
    }
}
