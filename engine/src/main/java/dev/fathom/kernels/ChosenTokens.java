package dev.fathom.kernels;

import java.util.stream.IntStream;

/** What {@link KeyIndex#choose} gives back, put together row by row, by any thread. */
public final class ChosenTokens {
    private final AttentionBatch batch;
    private final int count;
    private final int[] contextLength;
    private final int[][] slots;

    /** @param count as {@link KeyIndex#choose} takes it */
    public ChosenTokens(AttentionBatch batch, int count) {
        this.batch = batch;
        this.count = count;
        contextLength = new int[batch.tokens()];
        slots = new int[batch.tokens()][];
    }

    /**
     * Sets a row's choice.
     *
     * @param positions  ascending
     */
    public void set(int sequence, int row, int[] positions) {
        int[] table = batch.slots()[sequence];
        int[] chosen = new int[positions.length];
        for (int i = 0; i < chosen.length; i++) {
            chosen[i] = table[positions[i]];
        }
        contextLength[row] = chosen.length;
        slots[row] = chosen;
    }

    /** Sets the choice of a row that sees no more than it may choose. */
    public void setAll(int sequence, int row, int seen) {
        contextLength[row] = seen;
        slots[row] = batch.slots()[sequence];
    }

    /** Whether a row that sees so many tokens has to choose. */
    public boolean isChoice(int seen) {
        return seen > count;
    }

    public int count() {
        return count;
    }

    public AttentionBatch batch() {
        return new AttentionBatch(IntStream.rangeClosed(0, contextLength.length).toArray(), contextLength, slots);
    }
}
