package dev.fathom.model.deepseek;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.Rope;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * What every layer of a step needs alike, made once.
 *
 * @param cos         [tokens, ropeHeadDim / 2]
 * @param sin         [tokens, ropeHeadDim / 2]
 * @param writeSlots  [tokens]
 * @param runs        the step's rows, in order, cut wherever the attention form changes
 */
record StepPlan(Tensor cos, Tensor sin, int[] writeSlots, List<Run> runs) {
    /**
     * Rows of a sparse run at most: their queries in the latent space are in scratch together (295 KB each for DeepSeek-V3.2),
     * and so are the tables of what they chose.
     */
    static final int SPARSE_ROWS = 128;

    static StepPlan of(StepContext step, DeepSeekConfig config, Rope rope, ModelOptions options) {
        AttentionBatch batch = step.batch();
        int ropeHeadDim = config.attention().ropeHeadDim();
        Tensor cos = step.scratch().f32(batch.tokens(), ropeHeadDim / 2);
        Tensor sin = step.scratch().f32(batch.tokens(), ropeHeadDim / 2);
        rope.rotations(batch.positions(), cos, sin, step.kernels());
        int numbersOfKey = config.attention().heads() * config.attention().expandedHeadDim();
        int chunk = options.prefixChunk() > 0
                ? options.prefixChunk()
                : step.kernels().keysAtOnce(numbersOfKey);
        return new StepPlan(cos, sin, batch.writeSlots(), runs(batch, config, options.attentionForm(), chunk));
    }

    private static List<Run> runs(AttentionBatch batch, DeepSeekConfig config, AttentionForm form, int prefixChunk) {
        List<Piece> pieces = pieces(batch, config, form);
        List<Run> runs = new ArrayList<>();
        for (int from = 0, to; from < pieces.size(); from = to) {
            Piece first = pieces.get(from);
            int rows = first.rows();
            to = from + 1;
            while (to < pieces.size() && pieces.get(to).joins(first.kind(), rows)) {
                rows += pieces.get(to++).rows();
            }
            AttentionBatch part = part(batch, pieces.subList(from, to));
            int firstRow = batch.queryStart()[first.sequence()] + first.from();
            runs.add(
                    switch (first.kind()) {
                        case EXPANDED -> new Run.Expanded(firstRow, part, packs(part, prefixChunk));
                        case ABSORBED -> new Run.Absorbed(firstRow, part);
                        case SPARSE -> new Run.Sparse(firstRow, part);
                    });
        }
        return runs;
    }

    private enum Kind {
        EXPANDED,
        ABSORBED,
        SPARSE
    }

    /** Rows [from, to) of a sequence, counted from its first in this step. */
    private record Piece(int sequence, int from, int to, Kind kind) {
        int rows() {
            return to - from;
        }

        /** Whether it goes on a run of a kind that has so many rows already. */
        boolean joins(Kind other, int rows) {
            return kind == other && (kind != Kind.SPARSE || rows + rows() <= SPARSE_ROWS);
        }
    }

    /** Each sequence's rows: those that see at most index_topk tokens, then the others, a few at a time. */
    private static List<Piece> pieces(AttentionBatch batch, DeepSeekConfig config, AttentionForm form) {
        IndexerConfig indexer = config.indexer();
        List<Piece> pieces = new ArrayList<>();
        for (int i = 0; i < batch.sequences(); i++) {
            int rows = batch.queries(i);
            int prefix = batch.prefixLength(i);
            int dense = indexer == null ? rows : Math.clamp((long) indexer.topK() - prefix, 0, rows);
            if (dense > 0) {
                boolean expanded = expanded(dense, prefix, config.attention(), form);
                pieces.add(new Piece(i, 0, dense, expanded ? Kind.EXPANDED : Kind.ABSORBED));
            }
            for (int from = dense; from < rows; from += SPARSE_ROWS) {
                pieces.add(new Piece(i, from, Math.min(rows, from + SPARSE_ROWS), Kind.SPARSE));
            }
        }
        return pieces;
    }

    /** Consecutive rows that are attended in one form. */
    sealed interface Run {
        /** The step's row that is row 0 of {@link #batch}. */
        int firstRow();

        AttentionBatch batch();

        record Absorbed(int firstRow, AttentionBatch batch) implements Run {}

        /** Every row sees more tokens than it may attend to. */
        record Sparse(int firstRow, AttentionBatch batch) implements Run {}

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

    private static boolean expanded(int rows, int prefix, MlaConfig config, AttentionForm form) {
        return switch (form) {
            case EXPANDED -> true;
            case ABSORBED -> false;
            case AUTO -> config.expandedIsCheaper(rows, prefix);
        };
    }

    /** Pieces as sequences, with rows counted from their first. */
    private static AttentionBatch part(AttentionBatch batch, List<Piece> pieces) {
        int[] queryStart = new int[pieces.size() + 1];
        int[] contextLength = new int[pieces.size()];
        int[][] slots = new int[pieces.size()][];
        for (int i = 0; i < contextLength.length; i++) {
            Piece piece = pieces.get(i);
            queryStart[i + 1] = queryStart[i] + piece.rows();
            contextLength[i] = batch.prefixLength(piece.sequence()) + piece.to();
            slots[i] = batch.slots()[piece.sequence()];
        }
        return new AttentionBatch(queryStart, contextLength, slots);
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
