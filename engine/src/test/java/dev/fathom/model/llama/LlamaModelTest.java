package dev.fathom.model.llama;

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
import dev.fathom.model.AddedVector;
import dev.fathom.model.GoldenRunner;
import dev.fathom.model.HidingWeights;
import dev.fathom.model.ModelOptions;
import dev.fathom.model.Rope;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a model says about itself and refuses, on the tiny models' weights. */
class LlamaModelTest {
    private final KernelBackend kernels = new ScalarBackend(1);
    private final SafetensorsSource llama = weights("tiny-llama");
    private final SafetensorsSource qwen2 = weights("tiny-qwen2");
    private final Arena arena = Arena.ofShared();
    private final StepScratch scratch = new StepScratch(1 << 20);

    private static CheckpointFiles files(String folder) {
        return CheckpointFiles.resources(
                LlamaModelTest.class.getClassLoader(),
                "golden/" + folder + "/",
                List.of("config.json", "model.safetensors"));
    }

    private static SafetensorsSource weights(String folder) {
        return SafetensorsSource.open(files(folder), LoadProgress.none());
    }

    @AfterEach
    void close() {
        scratch.close();
        arena.close();
        llama.close();
        qwen2.close();
        kernels.close();
    }

    private LlamaModel load(String folder, String given, String instead, WeightSource source, ModelOptions options) {
        String json = new String(files(folder).read("config.json"), StandardCharsets.UTF_8);
        byte[] changed = json.replace(given, instead).getBytes(StandardCharsets.UTF_8);
        return LlamaModel.load(HfConfig.parse(changed, "config.json"), source, kernels, options);
    }

    private StepContext step(int id, KvShape shape) {
        AttentionBatch batch = new AttentionBatch(new int[] {0, 1}, new int[] {1}, new int[][] {{0}});
        PagedKv kv = PagedKv.allocate(shape, KvFormat.F32, 1, arena);
        return new StepContext(new int[] {id}, batch, new int[] {0}, kv, kernels, Communicator.single(), scratch);
    }

    @Test
    void saysWhatTheCacheMustHold() {
        try (LlamaModel model = load("tiny-llama", "", "", llama, ModelOptions.DEFAULT)) {
            // Keys and values of 2 heads, each 32 wide.
            assertThat(model.kvShape()).isEqualTo(new KvShape(3, 128, 0));
            assertThat(model.kvShape().bytesPerToken(KvFormat.BF16)).isEqualTo(3 * 128 * 2);
            assertThat(model.vocabularySize()).isEqualTo(320);
            assertThat(model.contextLength()).isEqualTo(1024);
        }
    }

    @Test
    void contextLengthCanBeSet() {
        ModelOptions options = new ModelOptions(ModelOptions.DEFAULT.attentionForm(), 1024, 100, false);
        try (LlamaModel model = load("tiny-qwen2", "", "", qwen2, options)) {
            assertThat(model.contextLength()).isEqualTo(100);
        }
    }

    @Test
    void usesTheEmbeddingAsHeadWhereTheyAreTied() {
        WeightSource tied = new HidingWeights(llama, List.of("lm_head.weight"));
        try (LlamaModel model = load(
                "tiny-llama",
                "\"tie_word_embeddings\": false",
                "\"tie_word_embeddings\": true",
                tied,
                ModelOptions.DEFAULT)) {
            StepOutput output = model.forward(step(9, model.kvShape()));
            WeightMatrix table = llama.matrix("model.embed_tokens.weight", 320, 128);
            for (int id : new int[] {0, 9, 319}) {
                double wanted = 0;
                for (int col = 0; col < 128; col++) {
                    wanted += (double) output.hidden().get(0, col) * table.get(id, col);
                }
                assertThat(output.logits().get(0, id)).isEqualTo((float) wanted);
            }
        }
    }

    /** The tiny model's weights and what its rope's frequencies are divided by. */
    private WeightSource withDivisors(float[] divisors) {
        Tensor stored = new Tensor(arena.allocate(Tensor.byteSize(1, divisors.length), 64), 1, divisors.length);
        for (int i = 0; i < divisors.length; i++) {
            stored.set(0, i, divisors[i]);
        }
        return new AddedVector(llama, "rope_freqs.weight", stored);
    }

    private float[] logitsOfEightTokens(LlamaModel model) {
        int[] slots = {0, 1, 2, 3, 4, 5, 6, 7};
        AttentionBatch batch = new AttentionBatch(new int[] {0, 8}, new int[] {8}, new int[][] {slots});
        PagedKv kv = PagedKv.allocate(model.kvShape(), KvFormat.F32, 8, arena);
        int[] ids = {9, 4, 300, 17, 5, 5, 80, 41};
        return model.forward(new StepContext(ids, batch, new int[] {7}, kv, kernels, Communicator.single(), scratch))
                .logits()
                .toArray();
    }

    @Test
    void dividesFrequenciesByWhatConvertedFilesStore() {
        float[] plain = Rope.plain(32, 500_000);
        float[] stretched = new Llama3Scaling(8, 1, 4, 64).stretch(plain);
        float[] divisors = new float[16];
        for (int i = 0; i < 16; i++) {
            divisors[i] = plain[i] / stretched[i];
        }
        float[] wanted;
        try (LlamaModel model = load("tiny-llama", "", "", llama, ModelOptions.DEFAULT)) {
            wanted = logitsOfEightTokens(model);
        }
        String type = "\"rope_type\": \"llama3\"";
        String none = "\"rope_type\": \"default\"";
        try (LlamaModel model = load("tiny-llama", type, none, llama, ModelOptions.DEFAULT)) {
            assertThat(GoldenRunner.difference(logitsOfEightTokens(model), wanted))
                    .isGreaterThan(1e-3f);
        }
        try (LlamaModel model = load("tiny-llama", type, none, withDivisors(divisors), ModelOptions.DEFAULT)) {
            assertThat(GoldenRunner.difference(logitsOfEightTokens(model), wanted))
                    .isLessThan(1e-5f);
        }
        for (float broken : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            divisors[3] = broken;
            assertThatThrownBy(() -> load("tiny-llama", type, none, withDivisors(divisors), ModelOptions.DEFAULT))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("rope_freqs.weight holds " + broken);
        }
    }

    @Test
    void refusesTensorsThatTheArchitectureDoesNotHaveAndMissesThoseItHas() {
        assertThatThrownBy(() -> load("tiny-llama", "", "", qwen2, ModelOptions.DEFAULT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("_proj.bias");
        assertThatThrownBy(() -> load("tiny-qwen2", "", "", llama, ModelOptions.DEFAULT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("model.layers.0.self_attn.q_proj.bias");
        assertThatThrownBy(() -> load(
                        "tiny-llama",
                        "\"num_key_value_heads\": 2",
                        "\"num_key_value_heads\": 1",
                        llama,
                        ModelOptions.DEFAULT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("k_proj.weight");
    }

    @Test
    void refusesACacheOfAnotherShape() {
        try (LlamaModel model = load("tiny-llama", "", "", llama, ModelOptions.DEFAULT)) {
            assertThatThrownBy(() -> model.forward(step(1, new KvShape(3, 64, 16))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("latentWidth=64")
                    .hasMessageContaining("latentWidth=128");
        }
    }

    @Test
    void refusesToDraftWithoutANextNLayer() {
        ModelOptions drafting = new ModelOptions(ModelOptions.DEFAULT.attentionForm(), 1024, 0, true);
        assertThatThrownBy(() -> load("tiny-qwen2", "", "", qwen2, drafting))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("Qwen2ForCausalLM has no next-n prediction layer");
    }
}
