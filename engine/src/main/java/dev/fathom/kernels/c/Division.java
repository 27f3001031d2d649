package dev.fathom.kernels.c;

import dev.fathom.kernels.AttentionBatch;

/**
 * How absorbed attention is divided into units of work. A unit is a few heads of a few rows of one sequence, which read each
 * key once for all of them. It takes all runs of keys; or one, where there would be too few units for the threads, and
 * what runs give is merged afterwards. Both give the same bits.
 *
 * @param heads      of the model
 * @param headsEach  of a unit
 * @param rowsEach   of a unit
 * @param runs       that the longest sequence has, or 0 where a unit takes all
 * @param units      of the batch
 * @param partBytes  memory for what runs give
 */
record Division(int heads, int headsEach, int rowsEach, int runs, long units, long partBytes) {
    /** Positions of a run, as in latent.c. */
    static final int RUN = 256;

    /** Fewer heads than these make expanding the keys most of the work. */
    private static final int FEWEST_HEADS = 8;

    /** Fewer units for each thread leave threads waiting for the one with the longest sequence. */
    private static final int UNITS_PER_THREAD = 4;

    private static final long MOST_PART_BYTES = 64L << 20;

    static Division of(AttentionBatch batch, int heads, int latentWidth, int threads) {
        int share = Math.ceilDiv(batch.tokens() * heads, threads);
        Division whole = of(batch, heads, Math.clamp(share, FEWEST_HEADS, CAttention.PAIRS), 0, 0);
        int longest = 0;
        for (int length : batch.contextLength()) {
            longest = Math.max(longest, length);
        }
        int runs = Math.ceilDiv(longest, RUN);
        long part = 4L * (Math.ceilDiv(latentWidth, CLibrary.LANES) + 1) * CLibrary.LANES;
        long partBytes = part * batch.tokens() * heads * runs;
        if (threads == 1
                || runs == 1
                || whole.units >= (long) UNITS_PER_THREAD * threads
                || partBytes > MOST_PART_BYTES) {
            return whole;
        }
        Division byRuns = of(batch, heads, CAttention.PAIRS, runs, partBytes);
        for (int each = CAttention.PAIRS / 2; each >= FEWEST_HEADS && byRuns.units < 2L * threads; each /= 2) {
            byRuns = of(batch, heads, each, runs, partBytes);
        }
        return byRuns;
    }

    private static Division of(AttentionBatch batch, int heads, int mostHeads, int runs, long partBytes) {
        int headsEach = Math.min(heads, Math.ceilDiv(mostHeads, 4) * 4);
        Division division =
                new Division(heads, headsEach, Math.max(1, CAttention.PAIRS / headsEach), runs, 0, partBytes);
        long units = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            units += division.unitsOf(batch, i);
        }
        return new Division(heads, headsEach, division.rowsEach, runs, units, partBytes);
    }

    boolean isByRuns() {
        return runs > 0;
    }

    /** Units of sequence i, of each run if they are by runs. */
    long unitsOf(AttentionBatch batch, int i) {
        long units = (long) Math.ceilDiv(heads, headsEach) * Math.ceilDiv(batch.queries(i), rowsEach);
        return isByRuns() ? units * Math.ceilDiv(batch.contextLength()[i], RUN) : units;
    }
}
