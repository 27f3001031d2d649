package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.GoldenRunner;
import dev.fathom.model.ModelOptions;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A small random DeepSeek-V3, described in transformers 5's config vocabulary, against the reference's logits at every
 * position. Its logits are at most about 4 in magnitude.
 */
class TinyGoldenTest {
    private static final float BOUND = 5e-5f;

    @ParameterizedTest
    @CsvSource({
        "scalar, AUTO, 1024",
        "scalar, EXPANDED, 1024",
        "scalar, EXPANDED, 7",
        "scalar, ABSORBED, 1024",
        "vector, AUTO, 1024",
        "vector, EXPANDED, 1024",
        "vector, EXPANDED, 7",
        "vector, ABSORBED, 1024",
    })
    void equalsTheReferenceAtEveryPosition(String backend, AttentionForm form, int prefixChunk) {
        CheckpointFiles files = CheckpointFiles.resources(
                getClass().getClassLoader(), "golden/tiny-deepseek-v3/", List.of("config.json", "model.safetensors"));
        HfConfig config = HfConfig.parse(files.read("config.json"), "config.json");
        ModelOptions options = new ModelOptions(form, prefixChunk, 0, false);
        try (KernelBackend kernels = Backends.open(backend);
                SafetensorsSource weights = SafetensorsSource.open(files, LoadProgress.none());
                DeepSeekModel model = DeepSeekModel.load(config, weights, kernels, options);
                GoldenRunner runner = new GoldenRunner(model, kernels, KvFormat.F32)) {
            float worst = 0;
            for (GoldenCase golden : GoldenCase.tinyV3()) {
                GoldenRunner.Sequence sequence = runner.sequence(golden.prompt(), golden.greedy().length);
                runner.run(List.of(sequence), 4096);
                for (int position = 0; position < golden.prompt().length; position++) {
                    float[] logits = sequence.promptLogits().get(position);
                    worst = Math.max(worst, GoldenRunner.difference(golden.logitsAt(position), logits));
                }
                assertThat(sequence.generated()).as("case " + golden.number()).containsExactly(golden.greedy());
            }
            System.out.printf("tiny %s %s, chunks of %d: logits %.1e%n", backend, form, prefixChunk, worst);
            assertThat(worst).isLessThan(BOUND);
        }
    }
}
