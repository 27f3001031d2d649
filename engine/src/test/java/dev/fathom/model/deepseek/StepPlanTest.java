package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.scalar.ScalarBackend;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.Rope;
import dev.fathom.model.StepContext;
import dev.fathom.tensor.StepScratch;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StepPlanTest {
    private static final MlaConfig ATTENTION = new MlaConfig(2, 0, 8, 4, 4, 4);

    private static DeepSeekConfig config(@Nullable IndexerConfig indexer) {
        return new DeepSeekConfig(16, 8, 8, 1, 1, 1, 0, 1024, false, 0, ATTENTION, indexer, null, 10000, null);
    }

    /** Sequences of these many queries and this context each. */
    private static StepPlan plan(int[][] queriesAndContext, AttentionForm form, int prefixChunk) {
        return plan(queriesAndContext, form, prefixChunk, null);
    }

    private static StepPlan plan(
            int[][] queriesAndContext, AttentionForm form, int prefixChunk, @Nullable IndexerConfig indexer) {
        int count = queriesAndContext.length;
        int[] queryStart = new int[count + 1];
        int[] contextLength = new int[count];
        int[][] slots = new int[count][];
        for (int i = 0; i < count; i++) {
            queryStart[i + 1] = queryStart[i] + queriesAndContext[i][0];
            contextLength[i] = queriesAndContext[i][1];
            slots[i] = new int[contextLength[i]];
        }
        AttentionBatch batch = new AttentionBatch(queryStart, contextLength, slots);
        try (Arena arena = Arena.ofConfined();
                KernelBackend kernels = new ScalarBackend(1);
                StepScratch scratch = new StepScratch(4096)) {
            PagedKv kv = PagedKv.allocate(new KvShape(1, 8, 4), KvFormat.F32, 1, arena);
            StepContext step = new StepContext(
                    new int[batch.tokens()], batch, new int[0], kv, kernels, Communicator.single(), scratch);
            return StepPlan.of(
                    step,
                    config(indexer),
                    new Rope(Rope.plain(4, 10000), 1),
                    new ModelOptions(form, prefixChunk, 0, false));
        }
    }

    @Test
    void cutsTheStepWhereTheFormChanges() {
        StepPlan plan = plan(new int[][] {{1, 50}, {1, 60}, {30, 30}, {1, 70}}, AttentionForm.AUTO, 1024);
        assertThat(plan.runs()).hasSize(3);
        assertThat(plan.runs().get(0)).isInstanceOf(StepPlan.Run.Absorbed.class);
        assertThat(plan.runs().get(0).batch().contextLength()).containsExactly(50, 60);
        assertThat(plan.runs().get(1)).isInstanceOf(StepPlan.Run.Expanded.class);
        assertThat(plan.runs().get(1).firstRow()).isEqualTo(2);
        assertThat(plan.runs().get(1).batch().queryStart()).containsExactly(0, 30);
        assertThat(plan.runs().get(2).firstRow()).isEqualTo(32);
    }

    @Test
    void chunksStartAtMultiplesAndShortSequencesShareAPack() {
        StepPlan plan = plan(new int[][] {{3, 3}, {5, 25}, {2, 2}, {4, 4}}, AttentionForm.EXPANDED, 10);
        StepPlan.Run.Expanded run = (StepPlan.Run.Expanded) plan.runs().getFirst();
        assertThat(run.packs())
                .containsExactly(
                        List.of(new StepPlan.KeyChunk(0, 0, 3)),
                        List.of(new StepPlan.KeyChunk(1, 0, 10)),
                        List.of(new StepPlan.KeyChunk(1, 10, 10)),
                        List.of(new StepPlan.KeyChunk(1, 20, 5), new StepPlan.KeyChunk(2, 0, 2)),
                        List.of(new StepPlan.KeyChunk(3, 0, 4)));
        assertThat(run.mostKeys()).isEqualTo(10);
    }

    @Test
    void choosesTokensOnlyForRowsThatSeeMoreThanTheyMayAttendTo() {
        IndexerConfig indexer = new IndexerConfig(2, 8, 10);
        StepPlan plan = plan(new int[][] {{1, 10}, {1, 11}, {6, 13}, {2, 9}}, AttentionForm.ABSORBED, 1024, indexer);
        assertThat(plan.runs().stream().map(run -> run.getClass().getSimpleName()))
                .containsExactly("Absorbed", "Sparse", "Absorbed", "Sparse", "Absorbed");
        assertThat(plan.runs().stream().map(StepPlan.Run::firstRow)).containsExactly(0, 1, 2, 5, 8);
        AttentionBatch dense = plan.runs().get(2).batch();
        assertThat(dense.queryStart()).containsExactly(0, 3);
        assertThat(dense.contextLength()).containsExactly(10);
        AttentionBatch sparse = plan.runs().get(3).batch();
        assertThat(sparse.queryStart()).containsExactly(0, 3);
        assertThat(sparse.contextLength()).containsExactly(13);
        assertThat(sparse.positions()).containsExactly(10, 11, 12);
    }

    @Test
    void takesAFewSparseRowsAtATime() {
        IndexerConfig indexer = new IndexerConfig(2, 8, 10);
        int most = StepPlan.SPARSE_ROWS;
        StepPlan plan = plan(
                new int[][] {{1, 50}, {2 * most, 100 + 2 * most}, {1, 60}, {1, 70}}, AttentionForm.AUTO, 1024, indexer);
        assertThat(plan.runs().stream().map(run -> run.batch().tokens())).containsExactly(1, most, most, 2);
        assertThat(plan.runs().get(2).batch().positions()[0]).isEqualTo(100 + most);
        assertThat(plan.runs().get(3).batch().contextLength()).containsExactly(60, 70);
    }
}
