package dev.fathom.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class BlockFormatTest {
    /** By the type numbers of GGUF. */
    private static final Map<Integer, BlockFormat> FORMATS = Map.ofEntries(
            Map.entry(2, BlockFormat.Q4_0),
            Map.entry(6, BlockFormat.Q5_0),
            Map.entry(8, BlockFormat.Q8_0),
            Map.entry(12, BlockFormat.Q4_K),
            Map.entry(13, BlockFormat.Q5_K),
            Map.entry(14, BlockFormat.Q6_K),
            Map.entry(3, BlockFormat.Q4_1),
            Map.entry(7, BlockFormat.Q5_1),
            Map.entry(20, BlockFormat.IQ4_NL),
            Map.entry(11, BlockFormat.Q3_K),
            Map.entry(10, BlockFormat.Q2_K),
            Map.entry(23, BlockFormat.IQ4_XS));

    /**
     * {@code golden/gguf/blocks.bin} holds random blocks with ordinary and extreme scales and what gguf-py 0.19.0 makes
     * of them; {@code src/test/scripts/make_gguf_blocks.py} wrote it and describes it.
     */
    @Test
    void decodesEveryFormatAsTheReferenceDoes() {
        MemorySegment golden = MemorySegment.ofArray(golden());
        int formats = 0;
        for (long at = 0; at < golden.byteSize(); formats++) {
            BlockFormat format = Objects.requireNonNull(FORMATS.get(golden.get(Codecs.LE_INT, at)));
            int blocks = golden.get(Codecs.LE_INT, at + 4);
            long bytes = (long) blocks * format.bytes();
            MemorySegment values = golden.asSlice(at + 8 + bytes);
            int columns = format.columns();
            var matrix = new BlockMatrix(format, golden.asSlice(at + 8, bytes), blocks / 2, 2 * columns);
            float[] row = new float[2 * columns];
            for (int i = 0; i < blocks * columns; i++) {
                float wanted = values.get(Tensor.F32, 4L * i);
                assertThat(matrix.get(i / row.length, i % row.length))
                        .as("%s number %d", format, i)
                        .isEqualTo(wanted);
                matrix.row(i / row.length, row);
                assertThat(row[i % row.length]).isEqualTo(wanted);
            }
            at += 8 + bytes + 4L * blocks * columns;
        }
        assertThat(formats).isEqualTo(FORMATS.size());
        assertThat(BlockFormat.values()).hasSize(FORMATS.size() + 1); // AWQ's is our own
    }

    @Test
    void refusesRowsThatAreNotWholeBlocks() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BlockMatrix(BlockFormat.Q8_0, MemorySegment.ofArray(new byte[34]), 1, 33))
                .withMessageContaining("Q8_0")
                .withMessageContaining("32");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BlockMatrix(BlockFormat.Q6_K, MemorySegment.ofArray(new byte[420]), 1, 256))
                .withMessageContaining("210 bytes");
    }

    private static byte[] golden() {
        try (InputStream in = BlockFormatTest.class.getResourceAsStream("/golden/gguf/blocks.bin")) {
            return Objects.requireNonNull(in, "golden/gguf/blocks.bin").readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
