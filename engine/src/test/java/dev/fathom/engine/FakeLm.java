package dev.fathom.engine;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.PagedKv;
import dev.fathom.model.CausalLm;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.function.Consumer;

/**
 * A model whose logits are a hash of the whole history, read back from the cache by slots: each token writes its id and
 * position into its slot. A wrong slot, a lost token or a wrongly reused prefix changes everything that follows.
 */
final class FakeLm implements CausalLm {
    static final int VOCABULARY = 64;

    private final int contextLength;
    private final Consumer<StepContext> beforeStep;

    FakeLm(int contextLength) {
        this(contextLength, step -> {});
    }

    /** @param beforeStep  called on the engine thread with each step; may block or throw */
    FakeLm(int contextLength, Consumer<StepContext> beforeStep) {
        this.contextLength = contextLength;
        this.beforeStep = beforeStep;
    }

    @Override
    public int vocabularySize() {
        return VOCABULARY;
    }

    @Override
    public int contextLength() {
        return contextLength;
    }

    @Override
    public KvShape kvShape() {
        return new KvShape(1, 1, 1);
    }

    @Override
    public StepOutput forward(StepContext step) {
        beforeStep.accept(step);
        AttentionBatch batch = step.batch();
        write(step.tokenIds(), batch, step.kv());
        Tensor logits = step.scratch().f32(step.outputRows().length, VOCABULARY);
        int output = 0;
        for (int i = 0; i < batch.sequences(); i++) {
            for (int row = batch.queryStart()[i]; row < batch.queryStart()[i + 1]; row++) {
                if (output < step.outputRows().length && step.outputRows()[output] == row) {
                    int length = batch.prefixLength(i) + row - batch.queryStart()[i] + 1;
                    fill(logits.rows(output++, 1), readHistory(step.kv(), batch.slots()[i], length));
                }
            }
        }
        if (output != step.outputRows().length) {
            throw new IllegalArgumentException("output rows are not ascending rows of the batch");
        }
        return new StepOutput(logits, step.scratch().f32(step.outputRows().length, 1));
    }

    @Override
    public void close() {
        // Nothing is held.
    }

    /** The logits after {@code tokens[0, length)}, computed without a cache. */
    static void logitsAfter(int[] tokens, int length, Tensor row) {
        long hash = 0;
        for (int i = 0; i < length; i++) {
            hash = next(hash, tokens[i]);
        }
        fill(row, hash);
    }

    private static void write(int[] tokenIds, AttentionBatch batch, PagedKv kv) {
        int[] positions = batch.positions();
        int[] slots = batch.writeSlots();
        BitSet written = new BitSet();
        for (int row = 0; row < tokenIds.length; row++) {
            if (slots[row] < 0 || slots[row] >= kv.slots() || written.get(slots[row])) {
                throw new IllegalArgumentException("slot " + slots[row] + " is outside the cache or used twice");
            }
            written.set(slots[row]);
            MemorySegment layer = kv.layer(0);
            layer.set(Tensor.F32, slots[row] * kv.rowBytes(), tokenIds[row]);
            layer.set(Tensor.F32, slots[row] * kv.rowBytes() + 4, positions[row] + 1);
        }
    }

    private static long readHistory(PagedKv kv, int[] slots, int length) {
        long hash = 0;
        for (int position = 0; position < length; position++) {
            MemorySegment layer = kv.layer(0);
            int id = (int) layer.get(Tensor.F32, slots[position] * kv.rowBytes());
            int at = (int) layer.get(Tensor.F32, slots[position] * kv.rowBytes() + 4) - 1;
            hash = next(hash, at == position ? id : -1 - at);
        }
        return hash;
    }

    private static long next(long hash, int token) {
        return Draw.bits(hash, token);
    }

    private static void fill(Tensor row, long hash) {
        for (int id = 0; id < VOCABULARY; id++) {
            row.set(0, id, (float) (8 * Draw.uniform(hash, id) - 4));
        }
    }
}
