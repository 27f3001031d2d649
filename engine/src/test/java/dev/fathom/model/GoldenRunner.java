package dev.fathom.model;

import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Drives a model without the engine: greedy choice, slots handed out in a scattered order and never taken back. */
public final class GoldenRunner implements AutoCloseable {
    private static final int SLOTS = 8192;

    /** Odd, so that multiples of it visit every slot before any slot comes again. */
    private static final int SLOT_STRIDE = 2741;

    private final CausalLm model;
    private final KernelBackend kernels;
    private final Arena arena = Arena.ofShared();
    private final StepScratch scratch;
    private final PagedKv kv;
    private int slotsGiven;

    public GoldenRunner(CausalLm model, KernelBackend kernels, KvFormat format) {
        this.model = model;
        this.kernels = kernels;
        scratch = new StepScratch(1 << 20, kernels::allocate);
        kv = PagedKv.allocate(model.kvShape(), format, SLOTS, arena, kernels);
    }

    /** A sequence: the ids known so far, of which {@code cached} lie in the cache. */
    public static final class Sequence {
        private final int promptLength;
        private final int wantedLength;
        private int[] ids;
        private final int[] slots;
        private int length;
        private int cached;
        private final List<float[]> promptLogits = new ArrayList<>();
        private final List<Float> gaps = new ArrayList<>();

        private Sequence(int[] prompt, int newTokens) {
            promptLength = prompt.length;
            wantedLength = prompt.length + newTokens;
            ids = Arrays.copyOf(prompt, wantedLength);
            length = promptLength;
            slots = new int[wantedLength];
        }

        /** The tokens generated. */
        public int[] generated() {
            return Arrays.copyOfRange(ids, promptLength, length);
        }

        /** Logits at the prompt positions that this sequence computed, the last ones of the prompt. */
        public List<float[]> promptLogits() {
            return promptLogits;
        }

        public float[] lastPromptLogits() {
            return promptLogits.getLast();
        }

        /** How far the best logit was above the second best, for each generated token. */
        public float gap(int generatedToken) {
            return gaps.get(generatedToken);
        }

        private boolean done() {
            return length == wantedLength;
        }

        private int nextRows(int chunk) {
            return Math.min(chunk, length - cached);
        }

        private void take(Tensor all, int firstOutput, int rows) {
            for (int row = 0; row < rows; row++) {
                float[] logits = all.rows(firstOutput + row, 1).toArray();
                if (cached + row < promptLength) {
                    promptLogits.add(logits);
                }
                if (cached + row == length - 1) {
                    choose(logits);
                    break;
                }
            }
            cached += rows;
        }

        private void choose(float[] logits) {
            int best = 0;
            float second = Float.NEGATIVE_INFINITY;
            for (int id = 1; id < logits.length; id++) {
                if (logits[id] > logits[best]) {
                    second = logits[best];
                    best = id;
                } else {
                    second = Math.max(second, logits[id]);
                }
            }
            gaps.add(logits[best] - second);
            ids[length++] = best;
        }
    }

    public Sequence sequence(int[] prompt, int newTokens) {
        Sequence sequence = new Sequence(prompt, newTokens);
        for (int i = 0; i < sequence.slots.length; i++) {
            sequence.slots[i] = nextSlot();
        }
        return sequence;
    }

    /** A sequence whose first {@code shared} tokens lie in the slots of another, as a prefix cache would give it. */
    public Sequence sequenceOver(Sequence other, int shared, int[] prompt, int newTokens) {
        Sequence sequence = sequence(prompt, newTokens);
        System.arraycopy(other.slots, 0, sequence.slots, 0, shared);
        sequence.cached = shared;
        return sequence;
    }

    /** Runs until every sequence has its tokens; in each step each sequence gives up to {@code chunk} rows. */
    public void run(List<Sequence> sequences, int chunk) {
        List<Sequence> open = new ArrayList<>(sequences);
        while (!open.isEmpty()) {
            step(open, chunk);
            open.removeIf(Sequence::done);
        }
    }

    private void step(List<Sequence> sequences, int chunk) {
        int count = sequences.size();
        int[] queryStart = new int[count + 1];
        int[] contextLength = new int[count];
        int[][] slots = new int[count][];
        for (int i = 0; i < count; i++) {
            Sequence sequence = sequences.get(i);
            int rows = sequence.nextRows(chunk);
            queryStart[i + 1] = queryStart[i] + rows;
            contextLength[i] = sequence.cached + rows;
            slots[i] = sequence.slots;
        }
        int[] tokens = new int[queryStart[count]];
        int[] outputRows = new int[tokens.length];
        for (int i = 0; i < count; i++) {
            System.arraycopy(
                    sequences.get(i).ids,
                    sequences.get(i).cached,
                    tokens,
                    queryStart[i],
                    queryStart[i + 1] - queryStart[i]);
        }
        Arrays.setAll(outputRows, row -> row);
        AttentionBatch batch = new AttentionBatch(queryStart, contextLength, slots);
        kernels.beginStep(tokens.length);
        StepOutput output =
                model.forward(new StepContext(tokens, batch, outputRows, kv, kernels, Communicator.single(), scratch));
        Tensor logits = kernels.download(output.logits());
        for (int i = 0; i < count; i++) {
            sequences.get(i).take(logits, queryStart[i], queryStart[i + 1] - queryStart[i]);
        }
        scratch.reset();
    }

    private int nextSlot() {
        if (slotsGiven == SLOTS) {
            throw new IllegalStateException("all " + SLOTS + " slots are given out");
        }
        return (int) ((long) slotsGiven++ * SLOT_STRIDE % SLOTS);
    }

    /** Largest absolute difference of two rows of logits. */
    public static float difference(float[] a, float[] b) {
        float worst = 0;
        for (int i = 0; i < a.length; i++) {
            worst = Math.max(worst, Math.abs(a[i] - b[i]));
        }
        return a.length == b.length ? worst : Float.POSITIVE_INFINITY;
    }

    public static float logSumExp(float[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        return (float) (max + Math.log(sum));
    }

    /** For drafting tests: the cache and the scratch of this runner. */
    public PagedKv kv() {
        return kv;
    }

    public StepScratch scratch() {
        return scratch;
    }

    @Override
    public void close() {
        scratch.close();
        arena.close();
    }
}
