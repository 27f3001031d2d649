package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.kernels.KvFormat;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.GoldenRun;
import dev.fathom.model.IndexerForm;
import dev.fathom.model.ModelOptions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every architecture at toy size (logits of at most about 5), in every way to run it, held to the reference: greedy tokens,
 * the logits after each prompt, and the log-sum-exp of the logits at every prompt position.
 */
@Tag("slow")
class ArchitectureGoldenTest {
    private static final float BOUND = 5e-5f;

    @ParameterizedTest
    @CsvSource({
        "tiny-deepseek-v2-lite, scalar, AUTO",
        "tiny-deepseek-v2-lite, scalar, EXPANDED",
        "tiny-deepseek-v2-lite, scalar, ABSORBED",
        "tiny-deepseek-v2-lite, vector, AUTO",
        "tiny-deepseek-v2-lite, vector, EXPANDED",
        "tiny-deepseek-v2-lite, vector, ABSORBED",
        "tiny-deepseek-v2-lite, c, AUTO",
        "tiny-deepseek-v2-lite, c, EXPANDED",
        "tiny-deepseek-v2-lite, c, ABSORBED",
        "tiny-deepseek-v2, scalar, AUTO",
        "tiny-deepseek-v2, scalar, EXPANDED",
        "tiny-deepseek-v2, scalar, ABSORBED",
        "tiny-deepseek-v2, vector, AUTO",
        "tiny-deepseek-v2, vector, EXPANDED",
        "tiny-deepseek-v2, vector, ABSORBED",
        "tiny-deepseek-v2, c, AUTO",
        "tiny-deepseek-v3, scalar, AUTO",
        "tiny-deepseek-v3, vector, AUTO",
        "tiny-deepseek-v3, c, AUTO",
        "tiny-deepseek-v32, scalar, AUTO",
        "tiny-deepseek-v32, scalar, EXPANDED",
        "tiny-deepseek-v32, scalar, ABSORBED",
        "tiny-deepseek-v32, vector, AUTO",
        "tiny-deepseek-v32, vector, EXPANDED",
        "tiny-deepseek-v32, vector, ABSORBED",
        "tiny-deepseek-v32, c, AUTO",
        "tiny-deepseek-v2, cuda, AUTO",
        "tiny-deepseek-v32, cuda, AUTO",
        "tiny-llama, cuda, AUTO",
        "tiny-qwen2, cuda, AUTO",
        "tiny-llama, scalar, AUTO",
        "tiny-llama, vector, AUTO",
        "tiny-llama, c, AUTO",
        "tiny-qwen2, scalar, AUTO",
        "tiny-qwen2, vector, AUTO",
        "tiny-qwen2, c, AUTO",
    })
    void equalsTheReferenceInEveryWay(String folder, String backend, AttentionForm form) {
        requireReference(
                folder, backend, ModelOptions.DEFAULT.withAttentionForm(form), GoldenCase.tiny(folder), form.name());
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector", "c", "cuda"})
    void equalsTheReferenceWithAnIndexerInFp8(String backend) {
        requireReference(
                "tiny-deepseek-v32",
                backend,
                ModelOptions.DEFAULT.withIndexerForm(IndexerForm.FP8),
                GoldenCase.tinyV32WithFp8Indexer(),
                "FP8 indexer");
    }

    private static void requireReference(
            String folder, String backend, ModelOptions options, List<GoldenCase> cases, String what) {
        float worstLogit = 0;
        float worstLogSumExp = 0;
        try (TinyModel tiny = TinyModel.open(folder, backend, options)) {
            for (GoldenRun run : ways(KvFormat.F32)) {
                GoldenRun.Outcome outcome = run.of(tiny.model(), tiny.kernels(), cases);
                for (int i = 0; i < cases.size(); i++) {
                    assertThat(outcome.sequences().get(i).generated())
                            .as("case %d, %s", i, run)
                            .containsExactly(cases.get(i).greedy());
                }
                worstLogit = Math.max(worstLogit, outcome.worstLogit());
                worstLogSumExp = Math.max(worstLogSumExp, outcome.worstLogSumExp());
            }
        }
        System.out.printf(
                "%s %s %s: logits %.1e, log-sum-exp %.1e%n", folder, backend, what, worstLogit, worstLogSumExp);
        assertThat(worstLogit).isLessThan(BOUND);
        assertThat(worstLogSumExp).isLessThan(BOUND);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tiny-deepseek-v2-lite",
                "tiny-deepseek-v2",
                "tiny-deepseek-v3",
                "tiny-deepseek-v32",
                "tiny-llama",
                "tiny-qwen2"
            })
    void givesTheSameBitsAloneAndInABatch(String folder) {
        List<GoldenCase> cases = GoldenCase.tiny(folder);
        try (TinyModel tiny = TinyModel.open(folder, "vector", ModelOptions.DEFAULT)) {
            for (KvFormat cache : KvFormat.values()) {
                GoldenRun.Outcome batched =
                        new GoldenRun(cache, true, 16, false).of(tiny.model(), tiny.kernels(), cases);
                GoldenRun.Outcome alone =
                        new GoldenRun(cache, false, 16, false).of(tiny.model(), tiny.kernels(), cases);
                for (int i = 0; i < cases.size(); i++) {
                    assertThat(batched.sequences().get(i).promptLogits())
                            .as("case %d, %s", i, cache)
                            .containsExactlyElementsOf(alone.sequences().get(i).promptLogits());
                    assertThat(batched.sequences().get(i).generated())
                            .containsExactly(alone.sequences().get(i).generated());
                }
            }
        }
    }

    private static List<GoldenRun> ways(KvFormat cache) {
        List<GoldenRun> ways = new ArrayList<>();
        for (boolean batched : new boolean[] {false, true}) {
            for (int chunk : new int[] {16, 4096}) {
                for (boolean warm : new boolean[] {false, true}) {
                    ways.add(new GoldenRun(cache, batched, chunk, warm));
                }
            }
        }
        return ways;
    }
}
