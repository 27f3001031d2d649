package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.Bf16NanoCheckpoint;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.vector.VectorBackend;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.deepseek.DeepSeekModel;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The reference's answers, asked for all at once, from an engine in each of its shapes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EngineGoldenTest {
    private static final int THREADS = 2;
    /** The longest case has 924 prompt tokens. */
    private static final int SHORT_PROMPT = 200;

    private final KernelBackend kernels = new VectorBackend(THREADS);
    private final CheckpointFiles files = Bf16NanoCheckpoint.embeddedFp8();
    private final SafetensorsSource weights = SafetensorsSource.open(files, LoadProgress.none());
    private final DeepSeekModel model = DeepSeekModel.load(
            HfConfig.parse(files.read("config.json"), files.describe("config.json")),
            weights,
            kernels,
            ModelOptions.DEFAULT);
    private final List<GoldenCase> cases = GoldenCase.nano("nano_fp8");

    @AfterAll
    void close() {
        model.close();
        weights.close();
        kernels.close();
    }

    @Test
    void equalsTheReferenceOnSomeCases() throws Exception {
        List<GoldenCase> some = cases.stream()
                .filter(c -> c.prompt().length < SHORT_PROMPT && c.greedy().length < 40)
                .toList();
        assertThat(some).hasSizeGreaterThan(4);
        new GoldenEngineRun(16, true, 16, 4096).requireAnswers(model, kernels, some);
    }

    @Tag("slow")
    @ParameterizedTest
    @CsvSource({
        // chunk, radix, page, slots
        "16,   true,  1,  8192",
        "16,   true,  16, 8192",
        "16,   false, 1,  8192",
        "16,   false, 16, 8192",
        "4096, true,  1,  8192",
        "4096, true,  16, 8192",
        "4096, false, 1,  8192",
        "4096, false, 16, 8192",
        "64,   true,  16, 1024",
    })
    void equalsTheReferenceInEveryShape(int chunk, boolean radix, int pageSize, int slots) throws Exception {
        new GoldenEngineRun(chunk, radix, pageSize, slots).requireAnswers(model, kernels, cases);
    }

    @ParameterizedTest
    @CsvSource({
        "tiny-deepseek-v2-lite, scalar",
        "tiny-deepseek-v2-lite, vector",
        "tiny-deepseek-v2-lite, c",
        "tiny-deepseek-v2, scalar",
        "tiny-deepseek-v2, vector",
        "tiny-deepseek-v2, c",
        "tiny-deepseek-v32, scalar",
        "tiny-deepseek-v32, vector",
        "tiny-deepseek-v32, c",
        "tiny-llama, scalar",
        "tiny-llama, vector",
        "tiny-llama, c",
        "tiny-qwen2, scalar",
        "tiny-qwen2, vector",
        "tiny-qwen2, c",
    })
    @Tag("slow")
    void equalsTheReferenceOfEveryArchitecture(String folder, String backend) throws Exception {
        List<GoldenCase> tinyCases = GoldenCase.tiny(folder);
        try (TinyModel tiny = TinyModel.open(folder, backend, ModelOptions.DEFAULT)) {
            // Small chunks, a page size that shares whole pages, and a cache too small for all cases at once.
            new GoldenEngineRun(16, true, 1, 1024).requireAnswers(tiny.model(), tiny.kernels(), tinyCases);
            new GoldenEngineRun(4096, true, 16, 1024).requireAnswers(tiny.model(), tiny.kernels(), tinyCases);
            new GoldenEngineRun(16, false, 16, 288).requireAnswers(tiny.model(), tiny.kernels(), tinyCases);
        }
    }
}
