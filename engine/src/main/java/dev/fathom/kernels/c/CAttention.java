package dev.fathom.kernels.c;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Both forms of MLA attention. Fields are put in the order of the structs of latent.c and expanded.c. */
final class CAttention {
    private static final int MOST_FIELDS = 24;
    private static final long SEQUENCE_BYTES = 40;

    /** Keys of a block, as in attention.h. */
    private static final int KEYS = 64;
    /** (row, head) pairs of a unit, as in attention.h. */
    static final int PAIRS = 64;
    /** Columns of the widest group of values. */
    private static final int GROUP = 4 * CLibrary.LANES;

    private final CLibrary library;
    private final CTeam team;
    private final CStruct struct;
    private final CTeam.Buffer spaces;
    private final CTeam.Buffer sequences;
    private final CTeam.Buffer slots;
    private final CTeam.Buffer parts;

    CAttention(CLibrary library, CTeam team) {
        this.library = library;
        this.team = team;
        struct = new CStruct(team, MOST_FIELDS);
        spaces = team.buffer();
        sequences = team.buffer();
        slots = team.buffer();
        parts = team.buffer();
    }

    void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        OpShapes.attendLatent(query, batch, kv, layer, out);
        Division division = Division.of(batch, query.heads(), kv.shape().latentWidth(), team.threads());
        long space = spaceFloats(kv.shape().rowWidth(), kv.shape().latentWidth());
        struct.begin()
                .put(division.units())
                .put(sequences(batch, division))
                .put(query.heads())
                .put(division.headsEach())
                .put(division.rowsEach())
                .put("query", query)
                .put("out", out)
                .put(kv.shape().latentWidth())
                .put(kv.shape().ropeWidth())
                .put(CTeam.address(kv.layer(layer), "kv"))
                .put(CRows.number(kv.format()))
                .put((double) scale)
                .put(spaces.atLeast(4 * space * team.threads()).address())
                .put(space)
                .put(division.isByRuns() ? parts.atLeast(division.partBytes()).address() : 0)
                .put(division.runs());
        long keys = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            keys += (long) batch.queries(i) * batch.contextLength()[i];
        }
        team.run(
                library.attendLatent(),
                struct.memory(),
                division.units(),
                2 * keys * query.heads() * kv.shape().rowWidth());
        if (division.isByRuns()) {
            long heads = (long) batch.tokens() * query.heads();
            struct.begin().put(heads);
            team.run(
                    library.mergeRuns(),
                    struct.memory(),
                    heads,
                    heads * division.runs() * kv.shape().latentWidth());
        }
    }

    /** Floats that each thread needs: queries, keys, results of a run, values of a block. */
    private static long spaceFloats(int keyWidth, int valueWidth) {
        long columns = (long) Math.ceilDiv(keyWidth, CLibrary.LANES) * CLibrary.LANES;
        return (2 * PAIRS + KEYS) * columns + (long) KEYS * Math.ceilDiv(valueWidth, GROUP) * GROUP;
    }

    /** Where the batch's {@code struct sequence}s are, with one more behind the last. */
    private long sequences(AttentionBatch batch, Division division) {
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
            unit += division.unitsOf(batch, i);
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
