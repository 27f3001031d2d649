package dev.fathom.kernels.c;

import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;

/** Routed experts of FP8 blocks, split over (expert, weight rows): even one token keeps all threads busy. */
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
    private static final long PACKED = 88;
    private static final long MIDDLE = 96;
    private static final long DOWN = 104;
    private static final long OUT = 112;
    private static final long WORKSPACES = 120;
    private static final long BYTES = 128;

    /** Weight rows of a unit, as in experts.c. */
    private static final int UNIT = 64;

    private final List<Fp8BlockMatrix> weights;
    private final int experts;
    private final int hidden;
    private final int inner;
    private final CLibrary library;
    private final CTeam team;
    private final MemorySegment struct;

    /** Whether all weights are of a kind the kernels are written for. */
    static boolean serves(List<ExpertWeights> experts) {
        return experts.stream()
                .flatMap(expert -> List.of(expert.gate(), expert.up(), expert.down()).stream())
                .allMatch(weight -> weight instanceof Fp8BlockMatrix fp8 && Fp8Struct.serves(fp8));
    }

    CExperts(List<ExpertWeights> weights, CLibrary library, CTeam team) {
        this.weights = weights.stream()
                .flatMap(expert -> List.of(expert.gate(), expert.up(), expert.down()).stream())
                .map(CExperts::fp8)
                .toList();
        this.library = library;
        this.team = team;
        experts = weights.size();
        hidden = weights.getFirst().gate().cols();
        inner = weights.getFirst().gate().rows();
        struct = team.allocate(BYTES);
        MemorySegment all = team.allocate(Fp8Struct.BYTES * this.weights.size());
        for (int i = 0; i < this.weights.size(); i++) {
            Fp8Struct.write(this.weights.get(i), all, Fp8Struct.BYTES * i);
        }
        set(ALL, all.address());
        set(WORKSPACES, team.workspaces().address());
    }

    private static Fp8BlockMatrix fp8(WeightMatrix weight) {
        if (weight instanceof Fp8BlockMatrix fp8) {
            return fp8;
        }
        throw new IllegalArgumentException("serves() was not asked about " + weight);
    }

    @Override
    public void apply(Tensor x, ExpertPlan plan, Tensor out, StepScratch scratch) {
        OpShapes.experts(experts, hidden, x, plan, out);
        int assignments = plan.tokenRow().length;
        if (assignments == 0) {
            out.fill(0);
            return;
        }
        CTeam.address(weights.getFirst().data(), "weight"); // refuses a closed arena
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
        set(PACKED, scratch.bytes(CTeam.panelBytes(assignments, hidden)).address());
        set(MIDDLE, scratch.bytes(CTeam.panelBytes(assignments, inner)).address());
        set(DOWN, scratch.bytes(Tensor.byteSize(assignments, hidden)).address());
        set(OUT, CTeam.address(out, "out"));
        run(plan, active.length, assignments);
        scratch.release(mark);
    }

    private void run(ExpertPlan plan, int active, int assignments) {
        long rows = (long) assignments * hidden;
        team.run(library.expertsPack(), struct, active, rows);
        team.run(library.expertsGateUp(), struct, (long) active * Math.ceilDiv(inner, UNIT), 2 * rows * inner);
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
