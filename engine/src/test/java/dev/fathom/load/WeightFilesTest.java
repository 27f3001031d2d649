package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.Bf16NanoCheckpoint;
import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.LoadProgress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WeightFilesTest {
    private static final LoadOptions ONE_THREAD =
            LoadOptions.EMBEDDED.withKernelBackend("vector").withThreads(1);

    private static LoadOptions quantized(String to) {
        return ONE_THREAD.withWeights(new WeightOptions(to, false, false));
    }

    @ParameterizedTest
    @ValueSource(strings = {"w8a8_int8", "fp8"})
    void quantizesPlainWeightsAtLoad(String to) {
        LoadOptions plain = ONE_THREAD.withModelPath(Bf16NanoCheckpoint.folder());
        long bytes;
        try (LoadedModel stored = ModelLoader.load(plain, LoadProgress.none())) {
            bytes = stored.weightBytes();
        }
        List<String> said = new ArrayList<>();
        try (LoadedModel smaller =
                ModelLoader.load(plain.withWeights(new WeightOptions(to, false, false)), new LoadProgress() {
                    @Override
                    public void advance(long done, long total) {}

                    @Override
                    public void say(String text) {
                        said.add(text);
                    }
                })) {
            assertThat(smaller.weightBytes()).isBetween(bytes / 2, (long) (0.75 * bytes));
            assertThat(said).anySatisfy(text -> assertThat(text).contains("Quantized the projections to"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"w8a8_int8", "fp8"})
    void refusesToQuantizeWeightsThatAlreadyAreFp8(String to) {
        assertThatThrownBy(() -> ModelLoader.load(quantized(to), LoadProgress.none()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(
                        "--quantization " + to + " was given", "already are FP8", "leave the flag out");
    }

    @Test
    void runsOnRandomWeightsOfTheConfigurationsShapes() {
        LoadOptions random = ONE_THREAD.withWeights(new WeightOptions(null, true, false));
        try (LoadedModel nano = ModelLoader.load(random, LoadProgress.none());
                LoadedModel real = ModelLoader.load(ONE_THREAD, LoadProgress.none())) {
            assertThat(nano.model().kvShape()).isEqualTo(real.model().kvShape());
            assertThat(nano.weightBytes()).isBetween(real.weightBytes() * 8 / 10, real.weightBytes() * 11 / 10);
        }
    }
}
