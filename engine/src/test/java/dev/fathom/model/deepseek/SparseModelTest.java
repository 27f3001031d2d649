package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.scalar.ScalarBackend;
import dev.fathom.model.IndexerForm;
import dev.fathom.model.ModelOptions;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What DeepSeek-V3.2 says about itself and refuses, on the tiny model's weights. */
class SparseModelTest {
    private static final CheckpointFiles FILES = CheckpointFiles.resources(
            SparseModelTest.class.getClassLoader(),
            "golden/tiny-deepseek-v32/",
            List.of("config.json", "model.safetensors"));

    private final KernelBackend kernels = new ScalarBackend(1);
    private final SafetensorsSource weights = SafetensorsSource.open(FILES, LoadProgress.none());

    @AfterEach
    void close() {
        weights.close();
        kernels.close();
    }

    private static HfConfig config(String given, String instead) {
        String json = new String(FILES.read("config.json"), StandardCharsets.UTF_8);
        return HfConfig.parse(json.replace(given, instead).getBytes(StandardCharsets.UTF_8), "config.json");
    }

    private DeepSeekModel load(ModelOptions options) {
        return DeepSeekModel.load(config("", ""), weights, kernels, options);
    }

    @Test
    void keepsAKeyOfTheIndexBesideEachLatent() {
        try (DeepSeekModel model = load(ModelOptions.DEFAULT)) {
            assertThat(model.kvShape()).isEqualTo(new KvShape(3, 64, 16, 32));
            assertThat(model.kvShape().bytesPerToken(KvFormat.BF16)).isEqualTo(2 * 3 * (64 + 16 + 32));
        }
    }

    @Test
    void saysInWhichNumbersTheIndexerCompares() {
        try (DeepSeekModel model = load(ModelOptions.DEFAULT)) {
            assertThat(model.attention().orElseThrow())
                    .contains("beyond 16 tokens")
                    .endsWith("compares in float32");
        }
        try (DeepSeekModel model = load(ModelOptions.DEFAULT.withIndexerForm(IndexerForm.FP8))) {
            assertThat(model.attention().orElseThrow()).endsWith("compares in FP8 after a Hadamard transform");
        }
    }

    @Test
    void refusesABackendWithoutAnIndexBeforeAnyWeightIsTouched() {
        InvocationHandler onlyDefaults = (proxy, method, arguments) ->
                method.getName().equals("name") ? "other" : InvocationHandler.invokeDefault(proxy, method, arguments);
        KernelBackend other = (KernelBackend) Proxy.newProxyInstance(
                KernelBackend.class.getClassLoader(), new Class<?>[] {KernelBackend.class}, onlyDefaults);
        WeightSource untouched = (WeightSource) Proxy.newProxyInstance(
                WeightSource.class.getClassLoader(),
                new Class<?>[] {WeightSource.class},
                (proxy, method, arguments) -> {
                    throw new AssertionError(method + " was called");
                });
        assertThatThrownBy(() -> DeepSeekModel.load(config("", ""), untouched, other, ModelOptions.DEFAULT))
                .isInstanceOf(KernelException.class)
                .hasMessageContaining("the other backend has no index of keys")
                .hasMessageContaining("DeepSeek-V3.2");
    }

    @Test
    void refusesAnIndexerOfAnotherSizeByName() {
        assertThatThrownBy(() -> DeepSeekModel.load(
                        config("\"index_n_heads\": 4", "\"index_n_heads\": 8"), weights, kernels, ModelOptions.DEFAULT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("indexer.wq_b.weight");
    }

    /** The published checkpoints have one more layer, with an indexer of its own, after those that num_hidden_layers counts. */
    @Test
    void leavesTheNextPredictionLayerAlone() {
        HfConfig oneToDraft =
                config("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2, \"num_nextn_predict_layers\": 1");
        HfConfig tooManyTensors = config("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2");
        try (DeepSeekModel model = DeepSeekModel.load(oneToDraft, weights, kernels, ModelOptions.DEFAULT)) {
            assertThat(model.kvShape().layers()).isEqualTo(2);
            weights.requireAllUsed();
        }
        try (SafetensorsSource others = SafetensorsSource.open(FILES, LoadProgress.none())) {
            assertThatThrownBy(() -> DeepSeekModel.load(tooManyTensors, others, kernels, ModelOptions.DEFAULT))
                    .hasMessageContaining("model.layers.2.");
        }
    }
}
