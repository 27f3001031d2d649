package dev.fathom.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.kernels.KernelException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights on their way to a device, on a stand-in of 64 MiB. */
class WeightStreamTest {
    private static final long SEED = 46;

    @TempDir
    private Path folder;

    private CudaDevice device;

    @BeforeEach
    void openDevice() throws IOException, InterruptedException {
        device = CudaDevice.open(StandInDriver.compile(folder));
    }

    @AfterEach
    void closeDevice() {
        device.close();
    }

    /** Smaller than a piece that threads share, as large as a buffer, larger than both buffers hold in turn. */
    @Test
    void copiesEveryByteInPieces() {
        System.out.println("seed " + SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        List<Long> reports = new ArrayList<>();
        device.weights().onProgress(reports::add);
        long before = 0;
        for (long bytes : new long[] {0, 1, 1000, (1 << 20) + 3, WeightStream.BUFFER_BYTES, 40_000_001}) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment host = arena.allocate(Math.max(1, bytes)).asSlice(0, bytes);
                for (long i = 0; i < bytes; i += 97) {
                    host.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
                }
                MemorySegment there = device.copy(host);
                MemorySegment read = MemorySegment.ofAddress(there.address()).reinterpret(bytes);
                assertThat(read.mismatch(host)).isEqualTo(-1);
                device.free(there);
            }
            before += bytes;
            assertThat(reports.isEmpty() ? 0 : reports.getLast()).isEqualTo(before);
        }
        assertThat(reports).isSorted().hasSizeGreaterThan(5);
        device.weights().rest();
        device.copy(MemorySegment.ofArray(new byte[3]).asReadOnly());
        assertThat(reports.getLast()).as("after a rest").isEqualTo(before + 3);
    }

    @Test
    void saysWithNumbersThatWeightsDoNotFit() {
        device.requireRoom(50 << 20, 0.8);
        assertThatThrownBy(() -> device.requireRoom(52 << 20, 0.8))
                .isInstanceOf(KernelException.class)
                .hasMessage(
                        "the weights take 0.05 GiB, and Stand-in has 0.06 GiB of memory, 0.06 GiB of them free, of which"
                                + " --mem-fraction-static 0.80 leaves 0.05 GiB for weights and cache");
        device.allocate(32 << 20);
        assertThatThrownBy(() -> device.requireRoom(30 << 20, 0.8)).hasMessageContaining("0.03 GiB of them free");
        assertThatThrownBy(() -> device.allocate(40 << 20))
                .isInstanceOf(KernelException.class)
                .hasMessage("Stand-in has 0.1 GiB of memory, 0.03 GiB of them free: another 0.04 GiB do not fit");
    }
}
