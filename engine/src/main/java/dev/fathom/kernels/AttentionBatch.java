package dev.fathom.kernels;

/**
 * Which rows of a step belong to which sequence, and where each sequence's tokens lie in the cache. Immutable by
 * convention: nobody writes to the arrays after construction.
 *
 * @param queryStart     [sequences + 1]: sequence i owns rows [queryStart[i], queryStart[i + 1]), in position order
 * @param contextLength  [sequences]: tokens of sequence i in the cache when its last row of this step is written
 * @param slots          [sequences][at least contextLength]: cache slot of each position
 */
public record AttentionBatch(int[] queryStart, int[] contextLength, int[][] slots) implements RowChoice {
    public AttentionBatch {
        int sequences = contextLength.length;
        if (queryStart.length != sequences + 1 || slots.length != sequences) {
            throw new IllegalArgumentException("a batch of " + sequences + " sequences needs " + (sequences + 1)
                    + " query starts and " + sequences + " slot tables, got " + queryStart.length + " and "
                    + slots.length);
        }
        for (int i = 0; i < sequences; i++) {
            int queries = queryStart[i + 1] - queryStart[i];
            if (queries < 1 || queries > contextLength[i] || slots[i].length < contextLength[i]) {
                throw new IllegalArgumentException("sequence " + i + ": " + queries + " queries, context "
                        + contextLength[i] + ", " + slots[i].length + " slots");
            }
        }
    }

    /** Itself: a choice that the host made. */
    @Override
    public AttentionBatch batch() {
        return this;
    }

    public int sequences() {
        return contextLength.length;
    }

    /** Rows of the step. */
    public int tokens() {
        return queryStart[queryStart.length - 1];
    }

    public int queries(int sequence) {
        return queryStart[sequence + 1] - queryStart[sequence];
    }

    /** Tokens of the sequence that were in the cache before this step: the position of its first row. */
    public int prefixLength(int sequence) {
        return contextLength[sequence] - queries(sequence);
    }

    /** [tokens]: position of every row. */
    public int[] positions() {
        int[] positions = new int[tokens()];
        for (int i = 0; i < sequences(); i++) {
            for (int row = queryStart[i], position = prefixLength(i); row < queryStart[i + 1]; row++, position++) {
                positions[row] = position;
            }
        }
        return positions;
    }

    /** [tokens]: the slot every row is written to. */
    public int[] writeSlots() {
        int[] write = new int[tokens()];
        for (int i = 0; i < sequences(); i++) {
            System.arraycopy(slots[i], prefixLength(i), write, queryStart[i], queries(i));
        }
        return write;
    }
}
