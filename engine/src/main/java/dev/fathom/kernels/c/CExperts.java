package dev.fathom.kernels.c;

import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Routed experts, split over (expert, weight rows): even one token keeps all threads busy. */
final class CExperts implements ExpertsKernel {
    // struct experts of experts.c, in bytes
    private static final long ALL = 8;
    private static final long ACTIVE = 16;
    private static final long ACTIVE_COUNT = 24;
    private static final long START = 32;
    private static final long TOKEN = 40;
    private static final long WEIGHT = 48;
    private static final long OF_TOKEN = 56;
    private static final long TOP_K = 64;
    private static final long TOKENS = 72;
    private static final long X = 80;
    private static final long PREPARED = 88;
    private static final long MIDDLE = 96;
    private static final long DOWN = 104;
    private static final long OUT = 112;
    private static final long WORKSPACES = 120;
    private static final long FLOATS = 128;
    private static final long BYTES = 136;

    /** Weight rows of a unit, as in experts.c. */
    private static final int UNIT = 64;

    private final List<WeightMatrix> weights;
    private final int experts;
    private final int hidden;
    private final int inner;
    private final CLibrary library;
    private final CTeam team;
    private final MemorySegment struct;
    private final MemorySegment all;
    /** Whether the third weights want rows. */
    private final boolean wantsRows;

    /** Whether all weights are of a kind the kernels are written for, and gate and up want x alike: it is prepared once. */
    static boolean serves(List<ExpertWeights> experts, CLibrary library) {
        ExpertWeights first = experts.getFirst();
        return weights(experts).allMatch(WeightStruct::serves)
                && WeightStruct.input(first.gate(), library.products())
                        == WeightStruct.input(first.up(), library.products());
    }

    private static Stream<WeightMatrix> weights(List<ExpertWeights> experts) {
        return experts.stream().flatMap(expert -> Stream.of(expert.gate(), expert.up(), expert.down()));
    }

    /** @param experts  some that are served */
    CExperts(List<ExpertWeights> experts, CLibrary library, CTeam team) {
        weights = weights(experts).toList();
        this.library = library;
        this.team = team;
        this.experts = experts.size();
        hidden = experts.getFirst().gate().cols();
        inner = experts.getFirst().gate().rows();
        wantsRows = WeightStruct.wantsRows(experts.getFirst().down());
        struct = team.allocate(BYTES);
        all = team.allocate(WeightStruct.BYTES * weights.size());
        long noted = 0;
        MemorySegment notes =
                team.notes(weights.stream().mapToLong(WeightStruct::noteBytes).sum());
        for (int i = 0; i < weights.size(); i++) {
            WeightStruct.write(weights.get(i), all, WeightStruct.BYTES * i);
            long bytes = WeightStruct.noteBytes(weights.get(i));
            WeightStruct.writeNotes(all, WeightStruct.BYTES * i, notes.asSlice(noted, bytes));
            noted += bytes;
        }
        set(ALL, all.address());
        set(WORKSPACES, team.workspaces().address());
    }

    @Override
    public void apply(Tensor x, ExpertPlan plan, Tensor out, StepScratch scratch) {
        OpShapes.experts(experts, hidden, x, plan, out);
        int assignments = plan.tokenRow().length;
        if (assignments == 0) {
            out.fill(0);
            return;
        }
        // Refuses a closed arena: one checkpoint holds them all.
        WeightStruct.write(weights.getFirst(), all, 0);
        long mark = scratch.mark();
        int[] active = IntStream.range(0, experts)
                .filter(expert -> plan.count(expert) > 0)
                .toArray();
        set(ACTIVE, copy(active, scratch));
        set(ACTIVE_COUNT, active.length);
        set(START, copy(plan.expertStart(), scratch));
        set(TOKEN, copy(plan.tokenRow(), scratch));
        set(OF_TOKEN, copy(plan.ofToken(), scratch));
        MemorySegment routing = scratch.bytes(4L * assignments);
        MemorySegment.copy(plan.weight(), 0, routing, ValueLayout.JAVA_FLOAT, 0, assignments);
        set(WEIGHT, routing.address());
        set(TOP_K, plan.topK());
        set(TOKENS, plan.tokens());
        set(X, CTeam.address(x, "x"));
        set(PREPARED, scratch.bytes(CTeam.preparedBytes(assignments, hidden)).address());
        set(MIDDLE, scratch.bytes(CTeam.preparedBytes(assignments, inner)).address());
        set(
                FLOATS,
                wantsRows ? scratch.bytes(Tensor.byteSize(assignments, inner)).address() : 0);
        set(DOWN, scratch.bytes(Tensor.byteSize(assignments, hidden)).address());
        set(OUT, CTeam.address(out, "out"));
        run(plan, active.length, assignments);
        scratch.release(mark);
    }

    private void run(ExpertPlan plan, int active, int assignments) {
        long rows = (long) assignments * hidden;
        team.run(library.expertsPrepare(), struct, active, rows);
        team.run(library.expertsGateUp(), struct, (long) active * Math.ceilDiv(inner, UNIT), 2 * rows * inner);
        if (wantsRows) {
            team.run(library.expertsMiddle(), struct, active, (long) assignments * inner);
        }
        team.run(library.expertsDown(), struct, (long) active * Math.ceilDiv(hidden, UNIT), rows * inner);
        team.run(library.expertsSum(), struct, plan.tokens(), rows);
    }

    private static long copy(int[] numbers, StepScratch scratch) {
        MemorySegment copy = scratch.bytes(4L * numbers.length);
        MemorySegment.copy(numbers, 0, copy, ValueLayout.JAVA_INT, 0, numbers.length);
        return copy.address();
    }

    private void set(long at, long value) {
        struct.set(ValueLayout.JAVA_LONG, at, value);
    }
}
