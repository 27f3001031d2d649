package dev.fathom.kernels.c;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Both forms of MLA attention. Fields are put in the order of the structs of attention.c. */
final class CAttention {
    private static final int MOST_FIELDS = 22;
    private static final long SEQUENCE_BYTES = 40;

    /** Keys of a block, as in attention.c. */
    private static final int KEYS = 64;
    /** (row, head) pairs of a unit, as in attention.c. */
    private static final int PAIRS = 64;
    /** Columns of the widest group of values. */
    private static final int GROUP = 4 * CLibrary.LANES;

    private static final int FEWEST_HEADS = 8;

    private final CLibrary library;
    private final CTeam team;
    private final CStruct struct;
    private final CTeam.Buffer spaces;
    private final CTeam.Buffer sequences;
    private final CTeam.Buffer slots;

    CAttention(CLibrary library, CTeam team) {
        this.library = library;
        this.team = team;
        struct = new CStruct(team, MOST_FIELDS);
        spaces = team.buffer();
        sequences = team.buffer();
        slots = team.buffer();
    }

    void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        OpShapes.attendLatent(query, batch, kv, layer, out);
        int share = Math.ceilDiv(batch.tokens() * query.heads(), team.threads());
        int headsEach = Math.min(query.heads(), Math.ceilDiv(Math.clamp(share, FEWEST_HEADS, PAIRS), 4) * 4);
        int rowsEach = Math.max(1, PAIRS / headsEach);
        int groups = Math.ceilDiv(query.heads(), headsEach);
        int units = 0;
        long keys = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            units += groups * Math.ceilDiv(batch.queries(i), rowsEach);
            keys += (long) batch.queries(i) * batch.contextLength()[i];
        }
        long space = spaceFloats(kv.shape().rowWidth(), kv.shape().latentWidth());
        struct.begin()
                .put(units)
                .put(sequences(batch, groups, rowsEach))
                .put(query.heads())
                .put(headsEach)
                .put(rowsEach)
                .put("query", query)
                .put("out", out)
                .put(kv.shape().latentWidth())
                .put(kv.shape().ropeWidth())
                .put(CTeam.address(kv.layer(layer), "kv"))
                .put(CRows.flag(kv.format()))
                .put((double) scale)
                .put(spaces.atLeast(4 * space * team.threads()).address())
                .put(space);
        long work = 2 * keys * query.heads() * kv.shape().rowWidth();
        team.run(library.attendLatent(), struct.memory(), units, work);
    }

    /** Floats that each thread needs: queries, keys and values of a block. */
    private static long spaceFloats(int keyWidth, int valueWidth) {
        long columns = (long) Math.ceilDiv(keyWidth, CLibrary.LANES) * CLibrary.LANES;
        return (PAIRS + KEYS) * columns + (long) KEYS * Math.ceilDiv(valueWidth, GROUP) * GROUP;
    }

    /** Where the batch's {@code struct sequence}s are, with one more behind the last. */
    private long sequences(AttentionBatch batch, int groups, int rowsEach) {
        long numbers = 0;
        for (int length : batch.contextLength()) {
            numbers += length;
        }
        MemorySegment tables = slots.atLeast(4 * numbers);
        MemorySegment structs = sequences.atLeast(SEQUENCE_BYTES * (batch.sequences() + 1));
        long unit = 0;
        long table = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            int length = batch.contextLength()[i];
            MemorySegment.copy(batch.slots()[i], 0, tables, ValueLayout.JAVA_INT, table, length);
            long at = SEQUENCE_BYTES * i;
            structs.set(ValueLayout.JAVA_LONG, at, unit);
            structs.set(ValueLayout.JAVA_LONG, at + 8, batch.queryStart()[i]);
            structs.set(ValueLayout.JAVA_LONG, at + 16, batch.queries(i));
            structs.set(ValueLayout.JAVA_LONG, at + 24, batch.prefixLength(i));
            structs.set(ValueLayout.JAVA_LONG, at + 32, tables.address() + table);
            unit += (long) groups * Math.ceilDiv(batch.queries(i), rowsEach);
            table += 4L * length;
        }
        structs.set(ValueLayout.JAVA_LONG, SEQUENCE_BYTES * batch.sequences(), unit);
        return structs.address();
    }

    void attendExpanded(
            HeadView query,
            int firstQuery,
            HeadView keysValues,
            Tensor ropeKeys,
            int firstKey,
            float scale,
            HeadView out,
            Tensor logSumExp) {
        int valueWidth = OpShapes.attendExpanded(query, keysValues, ropeKeys, out, logSumExp);
        long space = spaceFloats(query.width(), valueWidth);
        struct.begin()
                .put(query.rows())
                .put(query.heads())
                .put("query", query)
                .put("keysValues", keysValues)
                .put("out", out)
                .put(query.width() - ropeKeys.cols())
                .put(ropeKeys.cols())
                .put(valueWidth)
                .put(ropeKeys.rows())
                .put("ropeKeys", ropeKeys)
                .put((long) firstQuery - firstKey)
                .put((double) scale)
                .put("logSumExp", logSumExp)
                .put(spaces.atLeast(4 * space * team.threads()).address())
                .put(space);
        long units = (long) Math.ceilDiv(query.rows(), PAIRS) * query.heads();
        long work = (long) query.rows() * query.heads() * ropeKeys.rows() * (query.width() + valueWidth);
        team.run(library.attendExpanded(), struct.memory(), units, work);
    }
}
