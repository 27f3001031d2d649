package dev.fathom.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class LazyMemoryTest {
    @Test
    void givesAlignedZerosThatEndWithTheArena() {
        MemorySegment memory;
        try (Arena arena = Arena.ofShared()) {
            memory = LazyMemory.allocate(1000, arena);
            assertThat(memory.byteSize()).isEqualTo(1000);
            assertThat(memory.address() % 64).isZero();
            assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
            memory.set(ValueLayout.JAVA_BYTE, 999, (byte) 1);
        }
        assertThatThrownBy(() -> memory.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void takesMoreThanTheLimitOfDirectMemory() {
        long bytes = 4 * Runtime.getRuntime().maxMemory();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = LazyMemory.allocate(bytes, arena);
            assertThat(memory.get(ValueLayout.JAVA_BYTE, bytes - 1)).isZero();
        }
    }

    @Test
    void saysWhatTheSystemRefused() {
        try (Arena arena = Arena.ofShared()) {
            assertThatThrownBy(() -> LazyMemory.allocate(1L << 60, arena))
                    .isInstanceOf(OutOfMemoryError.class)
                    .hasMessageContaining(Long.toString(1L << 60));
        }
    }
}
