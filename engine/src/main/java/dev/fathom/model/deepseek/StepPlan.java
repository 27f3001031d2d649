package dev.fathom.model.deepseek;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.Rope;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What every layer of a step needs alike, made once.
 *
 * @param cos         [tokens, ropeHeadDim / 2]
 * @param sin         [tokens, ropeHeadDim / 2]
 * @param writeSlots  [tokens]
 * @param runs        the step's sequences, in order, cut wherever the attention form changes
 */
record StepPlan(Tensor cos, Tensor sin, int[] writeSlots, List<Run> runs) {
    static StepPlan of(StepContext step, MlaConfig config, Rope rope, AttentionForm form, int prefixChunk) {
        AttentionBatch batch = step.batch();
        Tensor cos = step.scratch().f32(batch.tokens(), config.ropeHeadDim() / 2);
        Tensor sin = step.scratch().f32(batch.tokens(), config.ropeHeadDim() / 2);
        rope.rotations(batch.positions(), cos, sin, step.kernels());
        List<Run> runs = new ArrayList<>();
        for (int from = 0, to; from < batch.sequences(); from = to) {
            boolean expanded = expanded(batch, from, config, form);
            to = from + 1;
            while (to < batch.sequences() && expanded(batch, to, config, form) == expanded) {
                to++;
            }
            AttentionBatch part = part(batch, from, to);
            runs.add(
                    expanded
                            ? new Run.Expanded(batch.queryStart()[from], part, packs(part, prefixChunk))
                            : new Run.Absorbed(batch.queryStart()[from], part));
        }
        return new StepPlan(cos, sin, batch.writeSlots(), runs);
    }

    /** Consecutive sequences that are attended in one form. */
    sealed interface Run {
        /** The step's row that is row 0 of {@link #batch}. */
        int firstRow();

        AttentionBatch batch();

        record Absorbed(int firstRow, AttentionBatch batch) implements Run {}

        /** @param packs every key of every sequence once; the keys of a pack are expanded together */
        record Expanded(int firstRow, AttentionBatch batch, List<List<KeyChunk>> packs) implements Run {
            /** Keys of the largest pack. */
            int mostKeys() {
                return packs.stream()
                        .mapToInt(
                                pack -> pack.stream().mapToInt(KeyChunk::count).sum())
                        .max()
                        .orElse(0);
            }
        }
    }

    /** Positions [from, from + count) of a sequence of a run's batch. */
    record KeyChunk(int sequence, int from, int count) {}

    private static boolean expanded(AttentionBatch batch, int sequence, MlaConfig config, AttentionForm form) {
        return switch (form) {
            case EXPANDED -> true;
            case ABSORBED -> false;
            case AUTO -> config.expandedIsCheaper(batch.queries(sequence), batch.prefixLength(sequence));
        };
    }

    /** Sequences [from, to) with rows counted from their first. */
    private static AttentionBatch part(AttentionBatch batch, int from, int to) {
        int[] queryStart = Arrays.copyOfRange(batch.queryStart(), from, to + 1);
        int first = queryStart[0];
        for (int i = 0; i < queryStart.length; i++) {
            queryStart[i] -= first;
        }
        return new AttentionBatch(
                queryStart,
                Arrays.copyOfRange(batch.contextLength(), from, to),
                Arrays.copyOfRange(batch.slots(), from, to));
    }

    /**
     * Chunks of a sequence start at multiples of {@code prefixChunk}, whatever else is in the step and however its
     * prompt is cut into steps: so the sums over keys are always split at the same places. Short sequences share a
     * pack, so that many small prompts cost one pass over kv_b_proj, not one each.
     */
    private static List<List<KeyChunk>> packs(AttentionBatch batch, int prefixChunk) {
        List<List<KeyChunk>> packs = new ArrayList<>();
        List<KeyChunk> pack = new ArrayList<>();
        int keys = 0;
        for (int sequence = 0; sequence < batch.sequences(); sequence++) {
            for (int from = 0; from < batch.contextLength()[sequence]; from += prefixChunk) {
                int count = Math.min(prefixChunk, batch.contextLength()[sequence] - from);
                if (keys + count > prefixChunk) {
                    packs.add(List.copyOf(pack));
                    pack.clear();
                    keys = 0;
                }
                pack.add(new KeyChunk(sequence, from, count));
                keys += count;
            }
        }
        packs.add(List.copyOf(pack));
        return packs;
    }
}
