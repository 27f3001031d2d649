package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.BYTES;
import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Routed experts, split over (expert, block of weight rows): even one token keeps all threads busy. Rows of an expert's
 * tokens are packed side by side; silu(gate) * up is written straight into the packed form that the down projection reads.
 */
final class VectorExperts implements ExpertsKernel {
    /** Weight rows of a unit. */
    private static final int ROWS = 64;

    private record Expert(WeightTiles gate, WeightTiles up, WeightTiles down) {}

    private final List<Expert> experts;
    private final int hidden;
    private final int inner;
    private final VectorTeam team;

    VectorExperts(List<ExpertWeights> weights, VectorTeam team) {
        experts = weights.stream()
                .map(w -> new Expert(WeightTiles.of(w.gate()), WeightTiles.of(w.up()), WeightTiles.of(w.down())))
                .toList();
        hidden = weights.getFirst().gate().cols();
        inner = weights.getFirst().gate().rows();
        this.team = team;
    }

    @Override
    public void apply(Tensor x, ExpertPlan plan, Tensor out, StepScratch scratch) {
        OpShapes.experts(experts.size(), hidden, x, plan, out);
        int assignments = plan.tokenRow().length;
        long mark = scratch.mark();
        MemorySegment packed = scratch.bytes(Panels.bytes(assignments, hidden));
        MemorySegment middle = scratch.bytes(Panels.bytes(assignments, inner));
        Tensor down = scratch.f32(assignments, hidden);
        int[] active = active(plan);
        long work = (long) assignments * hidden * inner;
        team.run(active.length, (long) assignments * hidden, (unit, workspace) -> pack(x, plan, active[unit], packed));
        int gateBlocks = Math.ceilDiv(inner, ROWS);
        team.run(active.length * gateBlocks, 2 * work, (unit, workspace) -> {
            int from = unit % gateBlocks * ROWS;
            gateUp(plan, active[unit / gateBlocks], from, Math.min(inner, from + ROWS), packed, middle, workspace);
        });
        if (roundsLater()) {
            team.run(active.length, (long) assignments * inner, (unit, workspace) -> round(plan, active[unit], middle));
        }
        int downBlocks = Math.ceilDiv(hidden, ROWS);
        team.run(active.length * downBlocks, work, (unit, workspace) -> {
            int from = unit % downBlocks * ROWS;
            int expert = active[unit / downBlocks];
            Strided y = new Strided(down.data(), 4L * plan.expertStart()[expert] * hidden + 4L * from, 4L * hidden);
            MemorySegment rows = panels(plan, expert, middle, inner);
            product(
                    experts.get(expert).down(),
                    from,
                    Math.min(hidden, from + ROWS),
                    rows,
                    plan.count(expert),
                    y,
                    workspace);
        });
        team.run(plan.tokens(), (long) assignments * hidden, (token, workspace) -> sum(plan, token, down, out));
        scratch.release(mark);
    }

    /** Experts that some token goes to. */
    private static int[] active(ExpertPlan plan) {
        int count = 0;
        for (int e = 0; e < plan.experts(); e++) {
            count += plan.count(e) > 0 ? 1 : 0;
        }
        int[] active = new int[count];
        for (int e = 0, i = 0; e < plan.experts(); e++) {
            if (plan.count(e) > 0) {
                active[i++] = e;
            }
        }
        return active;
    }

    /** An expert's rows within the packed rows of all. */
    private static MemorySegment panels(ExpertPlan plan, int expert, MemorySegment all, int columns) {
        return all.asSlice(
                Panels.bytes(plan.expertStart()[expert], columns), Panels.bytes(plan.count(expert), columns));
    }

    private void pack(Tensor x, ExpertPlan plan, int expert, MemorySegment packed) {
        int count = plan.count(expert);
        MemorySegment all = panels(plan, expert, packed, hidden);
        int height;
        for (int r = 0; r < count; r += height) {
            height = Tiles.height(count - r);
            for (int i = 0; i < height; i++) {
                int token = plan.tokenRow()[plan.expertStart()[expert] + r + i];
                long to = Panels.bytes(r, hidden) + (long) i * BYTES;
                Panels.packRow(x.data(), x.offset(token, 0), hidden, all, to, height);
                if (experts.get(expert).gate().roundsInput()) {
                    Panels.round(
                            hidden, all, to, height, experts.get(expert).gate().inputGroup());
                }
            }
        }
    }

    private static void product(
            WeightTiles weight, int from, int to, MemorySegment panels, int m, Strided y, Workspace workspace) {
        if (BlockProduct.packs(weight, m)) {
            BlockProduct.packed(weight, from, to, panels, m, y, workspace);
        } else {
            // A panel of height 1 is the row itself.
            BlockProduct.single(weight, from, to, new Strided(panels, 0, 0), y, workspace);
        }
    }

    /** Whether more columns are rounded together for the third weight than a unit makes. */
    private boolean roundsLater() {
        WeightTiles down = experts.getFirst().down();
        return down.roundsInput() && ROWS % down.inputGroup() != 0;
    }

    /** What the third weight takes, rounded in place. */
    private void round(ExpertPlan plan, int expert, MemorySegment middle) {
        int count = plan.count(expert);
        MemorySegment all = panels(plan, expert, middle, inner);
        int height;
        for (int r = 0; r < count; r += height) {
            height = Tiles.height(count - r);
            for (int i = 0; i < height; i++) {
                long at = Panels.bytes(r, inner) + (long) i * BYTES;
                Panels.round(inner, all, at, height, experts.get(expert).down().inputGroup());
            }
        }
    }

    /** Columns [from, to) of silu(gate x) * up x for an expert's rows, into the packed form. */
    private void gateUp(
            ExpertPlan plan,
            int expert,
            int from,
            int to,
            MemorySegment packed,
            MemorySegment middle,
            Workspace workspace) {
        int count = plan.count(expert);
        MemorySegment rows = panels(plan, expert, packed, hidden);
        Strided gate = new Strided(workspace.gate.atLeast(4L * count * ROWS), 0, 4L * ROWS);
        Strided up = new Strided(workspace.up.atLeast(4L * count * ROWS), 0, 4L * ROWS);
        product(experts.get(expert).gate(), from, to, rows, count, gate, workspace);
        product(experts.get(expert).up(), from, to, rows, count, up, workspace);
        MemorySegment all = panels(plan, expert, middle, inner);
        int height;
        for (int r = 0; r < count; r += height) {
            height = Tiles.height(count - r);
            for (int i = 0; i < height; i++) {
                long at = Panels.bytes(r, inner) + (long) i * BYTES + 4L * height * from;
                activate(gate.data(), up.data(), gate.at(r + i), to - from, all, at, height);
                if (experts.get(expert).down().roundsInput() && !roundsLater()) {
                    Panels.round(
                            to - from,
                            all,
                            at,
                            height,
                            experts.get(expert).down().inputGroup());
                }
            }
        }
    }

    /** silu(gate) * up, both from byte {@code rowAt} on, into a panel; the last vector is filled up with zeros. */
    private static void activate(
            MemorySegment gates, MemorySegment ups, long rowAt, int count, MemorySegment panels, long at, int height) {
        MemorySegment gate = gates.asSlice(rowAt, 4L * count);
        MemorySegment up = ups.asSlice(rowAt, 4L * count);
        long place = at;
        for (int i = 0; i < count; i += COUNT) {
            VectorMask<Float> mask = F32.indexInRange(i, count);
            VectorRows.silu(FloatVector.fromMemorySegment(F32, gate, 4L * i, LE, mask))
                    .mul(FloatVector.fromMemorySegment(F32, up, 4L * i, LE, mask))
                    .intoMemorySegment(panels, place, LE);
            place += (long) height * BYTES;
        }
    }

    /** out[token] = sum of weight * down over the token's experts, ascending. */
    private void sum(ExpertPlan plan, int token, Tensor down, Tensor out) {
        MemorySegment to = out.data().asSlice(out.offset(token, 0), 4L * hidden);
        for (int i = 0; i < hidden; i += COUNT) {
            VectorMask<Float> mask = F32.indexInRange(i, hidden);
            FloatVector sum = FloatVector.zero(F32);
            for (int k = token * plan.topK(); k < (token + 1) * plan.topK(); k++) {
                int a = plan.ofToken()[k];
                FloatVector v = FloatVector.fromMemorySegment(F32, down.data(), 4L * ((long) a * hidden + i), LE, mask);
                sum = v.fma(FloatVector.broadcast(F32, plan.weight()[a]), sum);
            }
            sum.intoMemorySegment(to, 4L * i, LE, mask);
        }
    }
}
