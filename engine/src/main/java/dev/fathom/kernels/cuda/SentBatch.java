package dev.fathom.kernels.cuda;

import dev.fathom.kernels.AttentionBatch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A batch on the device: addresses of {@code struct Queries}' arrays.
 *
 * @param slots    of all positions of all sequences
 * @param first    [rows]: where the row's sequence begins among them
 * @param seen     [rows]: positions that the row sees
 * @param longest    most that any row sees
 * @param keysOfRow  that a row sees, on the average
 */
record SentBatch(long slots, long first, long seen, int longest, double keysOfRow) {
    /** Sent once for all operations of a step that are given the same batch. */
    static SentBatch of(AttentionBatch batch, Staging staging) {
        int tokens = batch.tokens();
        long slots = Arrays.stream(batch.contextLength()).asLongStream().sum();
        long at = staging.send(batch, 4 * (2L * tokens + slots), to -> write(batch, to));
        int longest = Arrays.stream(batch.contextLength()).max().orElse(0);
        double keysOfRow = Arrays.stream(batch.contextLength()).average().orElse(0);
        return new SentBatch(at + 8L * tokens, at, at + 4L * tokens, longest, keysOfRow);
    }

    /** Rows [row, ...). */
    SentBatch from(int row) {
        return new SentBatch(slots, first + 4L * row, seen + 4L * row, longest, keysOfRow);
    }

    /** [tokens] first, [tokens] seen, then the slots of all sequences. */
    private static void write(AttentionBatch batch, MemorySegment to) {
        int tokens = batch.tokens();
        int first = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            for (int row = batch.queryStart()[i]; row < batch.queryStart()[i + 1]; row++) {
                int seen = batch.prefixLength(i) + row - batch.queryStart()[i] + 1;
                to.setAtIndex(ValueLayout.JAVA_INT, row, first);
                to.setAtIndex(ValueLayout.JAVA_INT, tokens + row, seen);
            }
            int length = batch.contextLength()[i];
            MemorySegment.copy(batch.slots()[i], 0, to, ValueLayout.JAVA_INT, 4L * (2L * tokens + first), length);
            first = Math.addExact(first, length);
        }
    }
}
