package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.kernels.KvFormat;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.GoldenRun;
import dev.fathom.model.ModelOptions;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A few cases of the nano model, in each weight format on each backend, held to the reference.
 * {@link NanoGoldenMatrixTest} runs all cases in every way.
 */
@Tag("slow")
class NanoGoldenTest {
    /** A tool call, JSON, and prose after a tool's result: 49 tokens after 279 of prompt. */
    private static final Set<Integer> CASES = Set.of(4, 6, 7);

    private static List<GoldenCase> cases(String weights) {
        return GoldenCase.nano("nano_" + weights).stream()
                .filter(golden -> CASES.contains(golden.number()))
                .toList();
    }

    @ParameterizedTest
    @CsvSource({
        "fp8, scalar, AUTO",
        "fp8, vector, AUTO",
        "fp8, vector, EXPANDED",
        "fp8, c, AUTO",
        "fp8, c-avx2, AUTO",
        "bf16, vector, ABSORBED",
        "fp8, cuda, AUTO",
        "fp8, cuda-without-graphs, AUTO",
        "bf16, cuda, ABSORBED",
    })
    void equalsTheReference(String weights, String backend, AttentionForm form) {
        List<GoldenCase> cases = cases(weights);
        try (NanoModel nano = NanoModel.open(weights, backend, ModelOptions.DEFAULT.withAttentionForm(form))) {
            GoldenRun run = new GoldenRun(KvFormat.F32, true, 64, false);
            NanoGoldenMatrixTest.requireEqual(run.of(nano.model(), nano.kernels(), cases), cases);
        }
    }

    /** A sequence's numbers do not depend on what shares its steps, bit for bit. */
    @ParameterizedTest
    @CsvSource({"fp8, vector", "bf16, vector", "fp8, c", "fp8, cuda"})
    void givesTheSameBitsAloneAndInABatch(String weights, String backend) {
        List<GoldenCase> cases = cases(weights);
        try (NanoModel nano = NanoModel.open(weights, backend, ModelOptions.DEFAULT)) {
            GoldenRun.Outcome batched =
                    new GoldenRun(KvFormat.BF16, true, 16, false).of(nano.model(), nano.kernels(), cases);
            GoldenRun.Outcome alone =
                    new GoldenRun(KvFormat.BF16, false, 16, false).of(nano.model(), nano.kernels(), cases);
            for (int i = 0; i < cases.size(); i++) {
                assertThat(batched.sequences().get(i).lastPromptLogits())
                        .containsExactly(alone.sequences().get(i).lastPromptLogits());
                assertThat(batched.sequences().get(i).generated())
                        .containsExactly(alone.sequences().get(i).generated());
            }
        }
    }
}
