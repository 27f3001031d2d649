package dev.fathom.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;

/** What {@link KeyIndex#choose} gives back, put together row by row, by any thread. */
public final class ChosenTokens {
    private final AttentionBatch batch;
    private final int count;
    private final int[] sequences;
    private final int[] contextLength;
    private final int[][] slots;

    /** @param count as {@link KeyIndex#choose} takes it */
    public ChosenTokens(AttentionBatch batch, int count) {
        this.batch = batch;
        this.count = count;
        sequences = new int[batch.tokens()];
        for (int i = 0; i < batch.sequences(); i++) {
            Arrays.fill(sequences, batch.queryStart()[i], batch.queryStart()[i + 1], i);
        }
        contextLength = new int[batch.tokens()];
        slots = new int[batch.tokens()][];
    }

    /** Which sequence a row is of. */
    public int sequence(int row) {
        return sequences[row];
    }

    /** Tokens a row sees. */
    public int seen(int row) {
        int i = sequences[row];
        return batch.prefixLength(i) + row - batch.queryStart()[i] + 1;
    }

    /** Sets a row's choice by the scores of all tokens it sees, float32 numbers from byte {@code at} on. */
    public void setLargest(int row, MemorySegment scores, long at) {
        set(row, new LargestScores().positions(scores, at, seen(row), count));
    }

    /**
     * Sets a row's choice.
     *
     * @param positions  ascending
     */
    public void set(int row, int[] positions) {
        int[] table = batch.slots()[sequences[row]];
        int[] chosen = new int[positions.length];
        for (int i = 0; i < chosen.length; i++) {
            chosen[i] = table[positions[i]];
        }
        setSlots(row, chosen);
    }

    /**
     * Sets a row's choice by the slots of its tokens.
     *
     * @param chosen  in the order of positions
     */
    public void setSlots(int row, int[] chosen) {
        contextLength[row] = chosen.length;
        slots[row] = chosen;
    }

    /** Sets the choice of a row that sees no more than it may choose. */
    public void setAll(int row) {
        contextLength[row] = seen(row);
        slots[row] = batch.slots()[sequences[row]];
    }

    /** Whether a row that sees so many tokens has to choose. */
    public boolean isChoice(int seen) {
        return seen > count;
    }

    public AttentionBatch batch() {
        return new AttentionBatch(IntStream.rangeClosed(0, contextLength.length).toArray(), contextLength, slots);
    }
}
