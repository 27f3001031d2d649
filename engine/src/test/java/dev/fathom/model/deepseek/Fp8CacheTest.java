package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.kernels.KvFormat;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.GoldenRun;
import dev.fathom.model.ModelOptions;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What rounding the latents to FP8 does to nano's answers; docs/numerics.md states the bound and what was measured. */
class Fp8CacheTest {
    /** Of a logit (of 45) at a prompt's last position. */
    private static final float BOUND = 3f;

    @ParameterizedTest
    @CsvSource({"fp8, vector, AUTO", "bf16, vector, AUTO", "fp8, c, ABSORBED", "fp8, c, EXPANDED", "fp8, cuda, AUTO"})
    @Tag("slow")
    void staysNearTheReference(String weights, String backend, AttentionForm form) {
        List<GoldenCase> cases = GoldenCase.nano("nano_" + weights);
        try (NanoModel nano = NanoModel.open(weights, backend, ModelOptions.DEFAULT.withAttentionForm(form))) {
            GoldenRun.Outcome outcome =
                    new GoldenRun(KvFormat.FP8_E4M3, true, 64, false).of(nano.model(), nano.kernels(), cases);
            int different = 0;
            for (int i = 0; i < cases.size(); i++) {
                int[] generated = outcome.sequences().get(i).generated();
                different += Arrays.equals(generated, cases.get(i).greedy()) ? 0 : 1;
            }
            System.out.printf(
                    "%s %s %s: logits within %.3f, %d of %d answers differ%n",
                    weights, backend, form, outcome.worstLogit(), different, cases.size());
            assertThat(outcome.worstLogit()).isLessThan(BOUND);
            assertThat(different).isLessThanOrEqualTo(1);
        }
    }
}
