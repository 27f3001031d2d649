package dev.fathom.checkpoint;

import dev.fathom.tensor.BlockFormat;
import dev.fathom.tensor.Codecs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/**
 * AWQ's four-bit weights, as AutoAWQ's GEMM layout stores them, turned into blocks of {@link BlockFormat#AWQ} with the same
 * numbers. A file keeps them the other way round, inputs by outputs: {@code qweight} [cols, rows / 8] of 32-bit words, {@code
 * qzeros} [groups, rows / 8] likewise, {@code scales} [groups, rows] in half precision, a group being some neighbouring
 * columns. Nibble n of word j belongs to row 8 j + ORDER[n].
 *
 * @see "AutoAWQ, awq/modules/linear/gemm.py, WQLinear_GEMM.from_linear"
 */
final class AwqReader {
    /** Rows in a word. */
    static final int PACKED = 8;

    /** Columns of a block. */
    static final int COLUMNS = BlockFormat.AWQ.columns();

    private static final int[] ORDER = {0, 2, 4, 6, 1, 3, 5, 7};

    private AwqReader() {}

    /** The three tensors of a weight [rows, cols] with groups of {@code group} columns, a multiple of a block's. */
    record Parts(MemorySegment codes, MemorySegment zeros, MemorySegment scales, int rows, int cols, int group) {}

    /** Blocks [rows, cols / 32] in memory of {@code arena}. */
    static MemorySegment blocks(Parts parts, Arena arena) {
        long rowBytes = BlockFormat.AWQ.rowBytes(parts.cols);
        MemorySegment blocks = arena.allocate(Math.multiplyExact(rowBytes, parts.rows), 64);
        IntStream.range(0, parts.rows / PACKED)
                .parallel()
                .forEach(word -> eightRows(parts, word, blocks.asSlice(word * (PACKED * rowBytes), PACKED * rowBytes)));
        return blocks;
    }

    private static void eightRows(Parts parts, int word, MemorySegment to) {
        long words = parts.rows / PACKED;
        long rowBytes = BlockFormat.AWQ.rowBytes(parts.cols);
        int[] codes = new int[COLUMNS];
        for (int block = 0; block < parts.cols / COLUMNS; block++) {
            for (int i = 0; i < COLUMNS; i++) {
                codes[i] = parts.codes.get(Codecs.LE_INT, 4 * ((block * (long) COLUMNS + i) * words + word));
            }
            long group = (long) block * COLUMNS / parts.group;
            int zeros = parts.zeros.get(Codecs.LE_INT, 4 * (group * words + word));
            for (int n = 0; n < PACKED; n++) {
                int row = ORDER[n];
                long at = row * rowBytes + (long) block * BlockFormat.AWQ.bytes();
                long scaleAt = 2 * (group * parts.rows + (long) word * PACKED + row);
                to.set(Codecs.LE_SHORT, at, parts.scales.get(Codecs.LE_SHORT, scaleAt));
                to.set(ValueLayout.JAVA_BYTE, at + 2, (byte) (zeros >>> (4 * n) & 15));
                for (int i = 0; i < COLUMNS / 2; i++) {
                    int low = codes[i] >>> (4 * n) & 15;
                    int high = codes[i + COLUMNS / 2] >>> (4 * n) & 15;
                    to.set(ValueLayout.JAVA_BYTE, at + 3 + i, (byte) (low | high << 4));
                }
            }
        }
    }
}
