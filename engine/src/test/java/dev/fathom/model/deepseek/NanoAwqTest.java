package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.NanoAwq;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.model.GoldenCase;
import dev.fathom.model.GoldenRun;
import dev.fathom.model.ModelOptions;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nano's projections in four bits, beside the reference on the BF16 weights. */
@Tag("slow")
class NanoAwqTest {
    /** Largest change of a logit (of 45) at a prompt's last position; see numerics. */
    private static final float BAND = 12f;

    @TempDir
    static Path folder;

    @BeforeAll
    static void write() {
        NanoAwq.write(folder);
    }

    @ParameterizedTest
    @ValueSource(strings = {"vector", "c"})
    void staysNearTheReference(String backend) {
        List<GoldenCase> cases = GoldenCase.nano("nano_bf16");
        CheckpointFiles files = CheckpointFiles.folder(folder);
        HfConfig config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        try (KernelBackend kernels = Backends.open(backend);
                SafetensorsSource weights = SafetensorsSource.open(files, 1, 128);
                DeepSeekModel model = DeepSeekModel.load(config, weights, kernels, ModelOptions.DEFAULT)) {
            GoldenRun.Outcome outcome = new GoldenRun(KvFormat.F32, true, 64, false).of(model, kernels, cases);
            int different = 0;
            for (int i = 0; i < cases.size(); i++) {
                int[] generated = outcome.sequences().get(i).generated();
                different += Arrays.equals(generated, cases.get(i).greedy()) ? 0 : 1;
            }
            System.out.println("AWQ " + backend + ": logits within " + outcome.worstLogit() + ", " + different + " of "
                    + cases.size() + " answers differ");
            assertThat(outcome.worstLogit()).isLessThan(BAND);
            assertThat(different).isLessThanOrEqualTo(3);
        }
    }
}
