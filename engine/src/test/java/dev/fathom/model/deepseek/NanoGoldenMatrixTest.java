package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.kernels.KvFormat;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.GoldenRun;
import dev.fathom.model.ModelOptions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** All twelve cases of the nano model in every way; docs/numerics.md states the bounds and what was measured. */
@Tag("slow")
class NanoGoldenMatrixTest {
    /** Of a logit at a prompt's last position, and of the log-sum-exp at every position, with a float32 cache. */
    static final float BOUND = 2e-4f;

    /** Of a logit with a BF16 cache; a greedy token may differ where the best two logits are closer than this. */
    static final float BF16_CACHE_BOUND = 0.5f;

    @ParameterizedTest
    @CsvSource({
        "fp8, AUTO",
        "fp8, EXPANDED",
        "fp8, ABSORBED",
        "bf16, AUTO",
        "bf16, EXPANDED",
        "bf16, ABSORBED",
    })
    void equalsTheReferenceWithFloatCache(String weights, AttentionForm form) {
        equalsTheReference(weights, "vector", form, runs(KvFormat.F32));
    }

    /** The scalar backend is slow: each setting with each form and weight format, not every combination. */
    @ParameterizedTest
    @CsvSource({
        "fp8, AUTO, true, 16, false",
        "fp8, AUTO, false, 4096, true",
        "fp8, EXPANDED, true, 4096, true",
        "fp8, ABSORBED, false, 16, false",
        "bf16, AUTO, false, 16, true",
        "bf16, EXPANDED, false, 4096, false",
        "bf16, ABSORBED, true, 4096, false",
    })
    void equalsTheReferenceOnTheScalarBackend(
            String weights, AttentionForm form, boolean batched, int chunk, boolean warm) {
        equalsTheReference(weights, "scalar", form, List.of(new GoldenRun(KvFormat.F32, batched, chunk, warm)));
    }

    /** C kernels serve FP8 weights; their instruction sets differ in the order of sums only. */
    @ParameterizedTest
    @CsvSource({
        "c, AUTO, true, 4096, true",
        "c, AUTO, false, 16, false",
        "c, ABSORBED, true, 16, false",
        "c-avx2, AUTO, true, 4096, false",
        "c-avx2, EXPANDED, false, 16, true",
    })
    void equalsTheReferenceOnTheCBackend(String backend, AttentionForm form, boolean batched, int chunk, boolean warm) {
        equalsTheReference("fp8", backend, form, List.of(new GoldenRun(KvFormat.F32, batched, chunk, warm)));
    }

    private static void equalsTheReference(String weights, String backend, AttentionForm form, List<GoldenRun> runs) {
        List<GoldenCase> cases = GoldenCase.nano("nano_" + weights);
        try (NanoModel nano = NanoModel.open(weights, backend, ModelOptions.DEFAULT.withAttentionForm(form))) {
            for (GoldenRun run : runs) {
                long start = System.nanoTime();
                GoldenRun.Outcome outcome = run.of(nano.model(), nano.kernels(), cases);
                System.out.printf(
                        "%s %s %s %s: logits %.1e, log-sum-exp %.1e, %.1f s%n",
                        weights,
                        backend,
                        form,
                        run,
                        outcome.worstLogit(),
                        outcome.worstLogSumExp(),
                        (System.nanoTime() - start) / 1e9);
                requireEqual(outcome, cases);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "fp8, vector, AUTO",
        "fp8, vector, EXPANDED",
        "fp8, vector, ABSORBED",
        "bf16, vector, AUTO",
        "bf16, vector, EXPANDED",
        "bf16, vector, ABSORBED",
        "fp8, scalar, AUTO",
    })
    void differsWithBf16CacheOnlyWhereTheReferenceIsNearlyTied(String weights, String backend, AttentionForm form) {
        List<GoldenCase> cases = GoldenCase.nano("nano_" + weights);
        List<GoldenRun> runs = runs(KvFormat.BF16);
        try (NanoModel nano = NanoModel.open(weights, backend, ModelOptions.DEFAULT.withAttentionForm(form))) {
            // The reference has no gaps for generated tokens. The run with a float32 cache equals it, and has them.
            GoldenRun.Outcome exact =
                    new GoldenRun(KvFormat.F32, true, 4096, false).of(nano.model(), nano.kernels(), cases);
            requireEqual(exact, cases);
            for (GoldenRun run : backend.equals("scalar") ? runs.subList(0, 1) : runs) {
                GoldenRun.Outcome rounded = run.of(nano.model(), nano.kernels(), cases);
                List<String> differences = rounded.differences(cases, exact, BF16_CACHE_BOUND);
                System.out.printf(
                        "%s %s %s %s: logits %.4f, differing: %s%n",
                        weights, backend, form, run, rounded.worstLogit(), differences);
                assertThat(rounded.worstLogit()).isLessThan(BF16_CACHE_BOUND);
            }
        }
    }

    static void requireEqual(GoldenRun.Outcome outcome, List<GoldenCase> cases) {
        for (int i = 0; i < cases.size(); i++) {
            assertThat(outcome.sequences().get(i).generated())
                    .as("case " + cases.get(i).number())
                    .containsExactly(cases.get(i).greedy());
        }
        assertThat(outcome.worstLogit()).as("logits at the last positions").isLessThan(BOUND);
        assertThat(outcome.worstLogSumExp()).as("log-sum-exp at all positions").isLessThan(BOUND);
    }

    /** Every combination of batch, chunk size and prefix cache; half of them, with all pairs, for the BF16 cache. */
    private static List<GoldenRun> runs(KvFormat cache) {
        List<GoldenRun> runs = new ArrayList<>();
        for (boolean batched : new boolean[] {true, false}) {
            for (int chunk : new int[] {4096, 16}) {
                for (boolean warm : new boolean[] {false, true}) {
                    if (cache == KvFormat.F32 || (batched ^ (chunk == 16) ^ warm)) {
                        runs.add(new GoldenRun(cache, batched, chunk, warm));
                    }
                }
            }
        }
        return runs;
    }
}
