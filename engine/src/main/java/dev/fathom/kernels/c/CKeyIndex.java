package dev.fathom.kernels.c;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.ChosenTokens;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RowChoice;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.stream.IntStream;

/** The index of keys: scores and choice in C, everything else as in Java. Fields are put in the order of the structs of index.c. */
final class CKeyIndex implements KeyIndex {
    private static final int MOST_FIELDS = 20;
    private static final long ROW_BYTES = 24;

    /** Keys of a unit, as in index.c. */
    private static final int UNIT = 256;
    /** Heads of a group at the widest, as in index.c. */
    private static final int GROUP = 4 * CLibrary.LANES;
    /** Keys of the tallest tile. */
    private static final int TOGETHER = 6;

    /** Scores that are kept at a time (64 MiB): so many rows are done together. */
    private static final long MOST_SCORES = 1 << 24;

    private final KeyIndex java;
    private final CLibrary library;
    private final CTeam team;
    private final CStruct struct;
    private final CTeam.Buffer spaces;
    private final CTeam.Buffer rows;
    private final CTeam.Buffer slots;
    private final CTeam.Buffer scores;
    private final CTeam.Buffer taken;

    CKeyIndex(KeyIndex java, CLibrary library, CTeam team) {
        this.java = java;
        this.library = library;
        this.team = team;
        struct = new CStruct(team, MOST_FIELDS);
        spaces = team.buffer();
        rows = team.buffer();
        slots = team.buffer();
        scores = team.buffer();
        taken = team.buffer();
    }

    @Override
    public void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor out) {
        java.layerNorm(x, weight, bias, epsilon, out);
    }

    @Override
    public void roundRotated(HeadView x) {
        java.roundRotated(x);
    }

    @Override
    public void store(Tensor keys, int[] slots, PagedKv index, int layer) {
        java.store(keys, slots, index, layer);
    }

    @Override
    public RowChoice choose(HeadView query, Tensor weights, AttentionBatch batch, PagedKv index, int layer, int count) {
        OpShapes.choose(query, weights, batch, index, layer, count);
        ChosenTokens chosen = new ChosenTokens(batch, count);
        IntStream.range(0, batch.tokens())
                .filter(row -> !chosen.isChoice(chosen.seen(row)))
                .forEach(chosen::setAll);
        int[] choosing = IntStream.range(0, batch.tokens())
                .filter(row -> chosen.isChoice(chosen.seen(row)))
                .toArray();
        if (choosing.length > 0) {
            long[] tables = tables(batch);
            int longest = Arrays.stream(choosing).map(chosen::seen).max().orElseThrow();
            long stride = Math.ceilDiv(longest, UNIT) * (long) UNIT;
            int together = (int) Math.max(1, MOST_SCORES / stride);
            for (int from = 0; from < choosing.length; from += together) {
                int[] some = Arrays.copyOfRange(choosing, from, Math.min(choosing.length, from + together));
                long keys = rows(some, chosen, tables);
                put(query, weights, index, layer, some.length, stride, count);
                score(some.length, stride, keys * query.heads() * query.width());
                take(some, keys, count, chosen);
            }
        }
        return chosen.batch();
    }

    /** Where each sequence's slots are, for C. */
    private long[] tables(AttentionBatch batch) {
        long numbers = Arrays.stream(batch.contextLength()).asLongStream().sum();
        MemorySegment memory = slots.atLeast(4 * numbers);
        long[] addresses = new long[batch.sequences()];
        long at = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            int length = batch.contextLength()[i];
            MemorySegment.copy(batch.slots()[i], 0, memory, ValueLayout.JAVA_INT, at, length);
            addresses[i] = memory.address() + at;
            at += 4L * length;
        }
        return addresses;
    }

    /** Writes the {@code struct index_row} of some rows, and says how many keys they see together. */
    private long rows(int[] some, ChosenTokens chosen, long[] tables) {
        MemorySegment structs = rows.atLeast(ROW_BYTES * some.length);
        long keys = 0;
        for (int at = 0; at < some.length; at++) {
            int seen = chosen.seen(some[at]);
            structs.set(ValueLayout.JAVA_LONG, ROW_BYTES * at, some[at]);
            structs.set(ValueLayout.JAVA_LONG, ROW_BYTES * at + 8, seen);
            structs.set(ValueLayout.JAVA_LONG, ROW_BYTES * at + 16, tables[chosen.sequence(some[at])]);
            keys += seen;
        }
        return keys;
    }

    /** {@code struct index_scores}, the rows of which are written. */
    private void put(HeadView query, Tensor weights, PagedKv index, int layer, int choosing, long stride, int count) {
        long space = spaceFloats(query.heads(), query.width());
        struct.begin()
                .put(choosing * stride / UNIT)
                .put(stride / UNIT)
                .put(rows.atLeast(0).address())
                .put(query.heads())
                .put(query.width())
                .put("query", query)
                .put("weights", weights)
                .put(CTeam.address(index.layer(layer), "index"))
                .put(index.format() == KvFormat.F32 ? 0L : 1L)
                .put(scores.atLeast(4L * choosing * stride).address())
                .put(spaces.atLeast(4 * space * team.threads()).address())
                .put(space)
                .put(count)
                .put(taken.atLeast(4L * choosing * count).address());
    }

    private void score(int choosing, long stride, long work) {
        team.run(library.indexScores(), struct.memory(), choosing * stride / UNIT, work);
    }

    /** The largest scores of each row. */
    private void take(int[] some, long keys, int count, ChosenTokens chosen) {
        struct.begin().put(some.length);
        team.run(library.indexLargest(), struct.memory(), some.length, 4 * keys);
        MemorySegment memory = taken.atLeast(0);
        for (int at = 0; at < some.length; at++) {
            int[] row = new int[count];
            MemorySegment.copy(memory, ValueLayout.JAVA_INT, 4L * at * count, row, 0, count);
            chosen.setSlots(some[at], row);
        }
    }

    /** Floats that each thread needs: queries and weights of a row, keys of a tile. */
    private static long spaceFloats(int heads, int width) {
        long groups = Math.ceilDiv(heads, GROUP);
        long columns = (long) Math.ceilDiv(width, CLibrary.LANES) * CLibrary.LANES;
        return groups * GROUP * (width + 1L) + TOGETHER * columns;
    }
}
