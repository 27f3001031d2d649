package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.Bf16NanoCheckpoint;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.QuantizedWeights;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.GoldenRun;
import dev.fathom.model.ModelOptions;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Nano's BF16 weights quantized at load, beside the reference on the BF16 weights. */
@Tag("slow")
class NanoQuantizedTest {
    /** Largest change of a logit (of 45) at a prompt's last position; see numerics. */
    private static final float BAND = 8f;

    @ParameterizedTest
    @CsvSource({"INT8, vector", "INT8, c", "FP8, vector"})
    void staysNearTheReference(QuantizedWeights.Format format, String backend) {
        List<GoldenCase> cases = GoldenCase.nano("nano_bf16");
        CheckpointFiles files = CheckpointFiles.folder(Bf16NanoCheckpoint.folder());
        HfConfig config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        SafetensorsSource stored = SafetensorsSource.open(files, LoadProgress.none());
        try (KernelBackend kernels = Backends.open(backend);
                QuantizedWeights weights = new QuantizedWeights(stored, format, LoadProgress.none());
                DeepSeekModel model = DeepSeekModel.load(config, weights, kernels, ModelOptions.DEFAULT)) {
            GoldenRun.Outcome outcome = new GoldenRun(KvFormat.F32, true, 64, false).of(model, kernels, cases);
            int different = 0;
            for (int i = 0; i < cases.size(); i++) {
                different += Arrays.equals(
                                outcome.sequences().get(i).generated(),
                                cases.get(i).greedy())
                        ? 0
                        : 1;
            }
            System.out.println(format + " " + backend + ": logits within " + outcome.worstLogit() + ", " + different
                    + " of " + cases.size() + " answers differ");
            assertThat(outcome.worstLogit()).isLessThan(BAND);
            assertThat(different).isLessThanOrEqualTo(3);
        }
    }
}
