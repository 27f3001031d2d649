package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.CheckpointFiles;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.checkpoint.SafetensorsSource;
import dev.fathom.checkpoint.WeightSource;
import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.scalar.ScalarBackend;
import dev.fathom.model.AttentionForm;
import dev.fathom.model.HidingWeights;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.StepScratch;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a model says about itself and refuses, on the tiny model's weights. */
class DeepSeekModelTest {
    private static final CheckpointFiles FILES = CheckpointFiles.resources(
            DeepSeekModelTest.class.getClassLoader(),
            "golden/tiny-deepseek-v3/",
            List.of("config.json", "model.safetensors"));

    private final KernelBackend kernels = new ScalarBackend(1);
    private final SafetensorsSource weights = SafetensorsSource.open(FILES, LoadProgress.none());
    private final Arena arena = Arena.ofShared();
    private final StepScratch scratch = new StepScratch(1 << 20);

    @AfterEach
    void close() {
        scratch.close();
        arena.close();
        weights.close();
        kernels.close();
    }

    private DeepSeekModel load(String given, String instead, WeightSource source, ModelOptions options) {
        String json = new String(FILES.read("config.json"), StandardCharsets.UTF_8);
        byte[] changed = json.replace(given, instead).getBytes(StandardCharsets.UTF_8);
        return DeepSeekModel.load(HfConfig.parse(changed, "config.json"), source, kernels, options);
    }

    private StepContext step(int[] ids, int[] outputRows, KvShape shape) {
        int[] slots = IntStream.range(0, ids.length).toArray();
        AttentionBatch batch =
                new AttentionBatch(new int[] {0, ids.length}, new int[] {ids.length}, new int[][] {slots});
        PagedKv kv = PagedKv.allocate(shape, KvFormat.F32, ids.length, arena);
        return new StepContext(ids, batch, outputRows, kv, kernels, Communicator.single(), scratch);
    }

    @Test
    void saysWhatTheCacheMustHold() {
        try (DeepSeekModel model = load("", "", weights, ModelOptions.DEFAULT)) {
            assertThat(model.kvShape()).isEqualTo(new KvShape(3, 64, 16));
            assertThat(model.vocabularySize()).isEqualTo(320);
            assertThat(model.contextLength()).isEqualTo(1024);
        }
    }

    @Test
    void contextLengthCanBeSet() {
        ModelOptions options = new ModelOptions(AttentionForm.AUTO, 1024, 100, false);
        try (DeepSeekModel model = load("", "", weights, options)) {
            assertThat(model.contextLength()).isEqualTo(100);
        }
    }

    @Test
    void givesLogitsOnlyForTheRowsThatWantThem() {
        try (DeepSeekModel model = load("", "", weights, ModelOptions.DEFAULT)) {
            int[] ids = {5, 6, 7, 8};
            float[] all = model.forward(step(ids, new int[] {0, 1, 2, 3}, model.kvShape()))
                    .logits()
                    .rows(2, 1)
                    .toArray();
            StepOutput some = model.forward(step(ids, new int[] {2}, model.kvShape()));
            assertThat(some.logits().rows()).isEqualTo(1);
            assertThat(some.hidden().cols()).isEqualTo(128);
            assertThat(some.logits().toArray()).containsExactly(all);
            StepOutput none = model.forward(step(ids, new int[0], model.kvShape()));
            assertThat(none.logits().rows()).isZero();
        }
    }

    @Test
    void refusesACacheOfAnotherShape() {
        try (DeepSeekModel model = load("", "", weights, ModelOptions.DEFAULT)) {
            assertThatThrownBy(() -> model.forward(step(new int[] {1}, new int[] {0}, new KvShape(2, 64, 16))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("layers=2")
                    .hasMessageContaining("layers=3");
        }
    }

    @Test
    void refusesATensorThatTheConfigHasNoPlaceFor() {
        assertThatThrownBy(() -> load(
                        "\"tie_word_embeddings\": false",
                        "\"tie_word_embeddings\": true",
                        weights,
                        ModelOptions.DEFAULT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("lm_head.weight");
    }

    @Test
    void usesTheEmbeddingAsHeadWhereTheyAreTied() {
        WeightSource tied = new HidingWeights(weights, List.of("lm_head.weight"));
        try (DeepSeekModel model =
                load("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true", tied, ModelOptions.DEFAULT)) {
            StepOutput output = model.forward(step(new int[] {9}, new int[] {0}, model.kvShape()));
            var table = weights.matrix("model.embed_tokens.weight", 320, 128);
            for (int id : new int[] {0, 9, 319}) {
                double wanted = 0;
                for (int col = 0; col < 128; col++) {
                    wanted += (double) output.hidden().get(0, col) * table.get(id, col);
                }
                assertThat(output.logits().get(0, id)).isEqualTo((float) wanted);
            }
        }
    }

    @Test
    void refusesAMissingTensorAndAWrongShapeByName() {
        assertThatThrownBy(() ->
                        load("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4", weights, ModelOptions.DEFAULT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("model.layers.3.");
        assertThatThrownBy(() -> load("\"v_head_dim\": 32", "\"v_head_dim\": 16", weights, ModelOptions.DEFAULT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("kv_b_proj.weight");
    }

    @Test
    void refusesToDraftWithoutANextNLayer() {
        ModelOptions drafting = new ModelOptions(AttentionForm.AUTO, 1024, 0, true);
        assertThatThrownBy(() -> load("", "", weights, drafting))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("num_nextn_predict_layers is 0");
    }
}
