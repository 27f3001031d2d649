package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufCheckpointTest {
    @TempDir
    Path folder;

    private Path write(String name, GgufWriter file) throws IOException {
        return Files.write(folder.resolve(name), file.bytes());
    }

    private static HfConfig config(GgufCheckpoint checkpoint) {
        return HfConfig.parse(checkpoint.read("config.json"), checkpoint.describe("config.json"));
    }

    private static GgufWriter model(String architecture) {
        return new GgufWriter()
                .text("general.architecture", architecture)
                .u32(architecture + ".block_count", 2)
                .u32(architecture + ".context_length", 64)
                .u32(architecture + ".embedding_length", 32)
                .u32(architecture + ".feed_forward_length", 64)
                .u32(architecture + ".attention.head_count", 2)
                .u32(architecture + ".attention.head_count_kv", 1)
                .f32(architecture + ".attention.layer_norm_rms_epsilon", 1e-6)
                .tensor("token_embd.weight", GgufType.Q8_0, List.of(3, 32), new byte[3 * 34]);
    }

    private static GgufWriter deepseek() {
        return model("deepseek2")
                .u32("deepseek2.attention.kv_lora_rank", 16)
                .u32("deepseek2.rope.dimension_count", 4)
                .u32("deepseek2.expert_count", 2)
                .u32("deepseek2.expert_used_count", 1)
                .u32("deepseek2.expert_feed_forward_length", 32);
    }

    @Test
    void takesFilesAndFoldersOfGgufAndNothingElse() throws IOException {
        Path file = write("model.gguf", model("qwen2"));
        assertThat(GgufCheckpoint.isGguf(file)).isTrue();
        assertThat(GgufCheckpoint.isGguf(folder)).isTrue();
        assertThat(config(GgufCheckpoint.open(folder)).architecture()).isEqualTo("Qwen2ForCausalLM");
        Files.createFile(folder.resolve("model.safetensors"));
        assertThat(GgufCheckpoint.isGguf(folder)).isFalse();
        assertThat(GgufCheckpoint.isGguf(folder.resolve("model.safetensors"))).isFalse();
        assertThat(GgufCheckpoint.isGguf(folder.resolve("nowhere.gguf"))).isFalse();
        write("other.gguf", model("qwen2"));
        assertThatThrownBy(() -> GgufCheckpoint.open(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("2 GGUF checkpoints", "model.gguf, other.gguf");
    }

    @Test
    void joinsTheTensorsOfASplitFile() throws IOException {
        GgufWriter first =
                model("qwen2").u32("split.no", 0).u32("split.count", 2).u32("split.tensors.count", 2);
        GgufWriter second = new GgufWriter()
                .u32("split.no", 1)
                .u32("split.count", 2)
                .f32s("output_norm.weight", List.of(4), 1, 2, 3, 4);
        write("m-00001-of-00002.gguf", first);
        assertThatThrownBy(() -> GgufCheckpoint.open(folder))
                .hasMessageContainingAll("m-00002-of-00002.gguf is missing", "1 of 2 parts");
        Path part = write("m-00002-of-00002.gguf", second);
        for (Path path : List.of(folder, part)) {
            try (WeightSource weights = GgufCheckpoint.open(path).weights()) {
                assertThat(weights.vector("model.norm.weight", 4).toArray()).containsExactly(1, 2, 3, 4);
                assertThat(weights.matrix("model.embed_tokens.weight", 3, 32)).isInstanceOf(BlockMatrix.class);
                weights.requireAllUsed();
                weights.pageIn(LoadProgress.none(), 1);
                assertThat(weights.totalBytes()).isEqualTo(3 * 34 + 16);
            }
        }
        write("m-00002-of-00002.gguf", second.u32("extra", 1).f32s("more", List.of(1), 1));
        assertThatThrownBy(() -> GgufCheckpoint.open(folder)).hasMessageContainingAll("hold 2 tensors", "hold 3");
        write("m-00002-of-00002.gguf", first);
        assertThatThrownBy(() -> GgufCheckpoint.open(folder)).hasMessageContaining("part 1 of 2, its name says 2 of 2");
    }

    @Test
    void tellsDeepSeekV2FromV3() throws IOException {
        GgufWriter lite =
                deepseek().u32("deepseek2.attention.key_length", 12).u32("deepseek2.attention.value_length", 8);
        HfConfig v2 = config(GgufCheckpoint.open(write("v2.gguf", lite)));
        assertThat(v2.architecture()).isEqualTo("DeepseekV2ForCausalLM");
        assertThat(v2.text("scoring_func")).isEqualTo("softmax");
        assertThat(v2.text("topk_method")).isEqualTo("greedy");
        assertThat(v2.has("q_lora_rank")).isFalse();
        assertThat(v2.integer("qk_nope_head_dim")).isEqualTo(8);
        assertThat(v2.integer("v_head_dim")).isEqualTo(8);
        assertThat(v2.flag("tie_word_embeddings")).isTrue();
        GgufWriter large = deepseek()
                .u32("deepseek2.expert_gating_func", 2)
                .u32("deepseek2.attention.key_length", 20)
                .u32("deepseek2.attention.value_length", 16)
                .u32("deepseek2.attention.key_length_mla", 10)
                .u32("deepseek2.attention.value_length_mla", 7)
                .tensor("output.weight", GgufType.Q8_0, List.of(3, 32), new byte[3 * 34]);
        HfConfig v3 = config(GgufCheckpoint.open(write("v3.gguf", large)));
        assertThat(v3.architecture()).isEqualTo("DeepseekV3ForCausalLM");
        assertThat(v3.text("topk_method")).isEqualTo("noaux_tc");
        assertThat(v3.integer("qk_nope_head_dim")).isEqualTo(6);
        assertThat(v3.integer("v_head_dim")).isEqualTo(7);
        assertThat(v3.flag("tie_word_embeddings")).isFalse();
    }

    @Test
    void readsTheIndexerOfDeepSeekV32() throws IOException {
        GgufWriter sparse = model("deepseek32")
                .u32("deepseek32.attention.q_lora_rank", 8)
                .u32("deepseek32.attention.kv_lora_rank", 16)
                .u32("deepseek32.attention.key_length_mla", 12)
                .u32("deepseek32.attention.value_length_mla", 8)
                .u32("deepseek32.attention.indexer.head_count", 4)
                .u32("deepseek32.attention.indexer.key_length", 32)
                .u32("deepseek32.attention.indexer.top_k", 16)
                .u32("deepseek32.rope.dimension_count", 4)
                .u32("deepseek32.expert_gating_func", 2)
                .f32s("blk.0.indexer.k_norm.weight", List.of(2), 1, 2)
                .f32s("blk.0.indexer.k_norm.bias", List.of(2), 3, 4)
                .tensor("blk.1.indexer.attn_q_b.weight", GgufType.BF16, List.of(2, 4), new byte[16])
                .tensor("blk.1.indexer.attn_k.weight", GgufType.BF16, List.of(2, 4), new byte[16])
                .tensor("blk.1.indexer.proj.weight", GgufType.BF16, List.of(2, 4), new byte[16]);
        Path file = write("sparse.gguf", sparse);
        HfConfig config = config(GgufCheckpoint.open(file));
        assertThat(config.architecture()).isEqualTo("DeepseekV32ForCausalLM");
        assertThat(config.integer("index_n_heads")).isEqualTo(4);
        assertThat(config.integer("index_head_dim")).isEqualTo(32);
        assertThat(config.integer("index_topk")).isEqualTo(16);
        try (WeightSource weights = GgufCheckpoint.open(file).weights()) {
            assertThat(weights.vector("model.layers.0.self_attn.indexer.k_norm.bias", 2)
                            .toArray())
                    .containsExactly(3, 4);
            for (String name : List.of("wq_b", "wk", "weights_proj")) {
                assertThat(weights.contains("model.layers.1.self_attn.indexer." + name + ".weight"))
                        .as(name)
                        .isTrue();
            }
        }
    }

    @Test
    void readsGroupsThatOldFilesOfDeepSeekV3LeaveOut() throws IOException {
        GgufWriter old = model("deepseek2")
                .u32("deepseek2.attention.kv_lora_rank", 16)
                .u32("deepseek2.attention.key_length", 12)
                .u32("deepseek2.attention.value_length", 8)
                .u32("deepseek2.rope.dimension_count", 4)
                .u32("deepseek2.expert_count", 256)
                .u32("deepseek2.expert_used_count", 8)
                .u32("deepseek2.expert_gating_func", 2)
                .u32("deepseek2.expert_feed_forward_length", 32);
        HfConfig config = config(GgufCheckpoint.open(write("old.gguf", old)));
        assertThat(config.integer("n_group")).isEqualTo(8);
        assertThat(config.integer("topk_group")).isEqualTo(4);
    }

    @Test
    void movesTheRowsOfLlamaBackInEveryFormat() throws IOException {
        // Two heads of four rows; row r of the published weight holds the number r.
        int[] stored = {0, 2, 1, 3, 4, 6, 5, 7};
        float[] plain = new float[8 * 32];
        byte[] blocks = new byte[8 * 34];
        for (int row = 0; row < 8; row++) {
            Arrays.fill(plain, row * 32, (row + 1) * 32, stored[row]);
            short scale = Float.floatToFloat16(stored[row]);
            blocks[row * 34] = (byte) scale;
            blocks[row * 34 + 1] = (byte) (scale >> 8);
            Arrays.fill(blocks, row * 34 + 2, (row + 1) * 34, (byte) 1);
        }
        GgufWriter llama = model("llama")
                .f32s("blk.0.attn_q.weight", List.of(8, 32), plain)
                .tensor("blk.1.attn_q.weight", GgufType.Q8_0, List.of(8, 32), blocks)
                .f32s("blk.0.attn_v.weight", List.of(8, 32), plain);
        try (WeightSource weights =
                GgufCheckpoint.open(write("llama.gguf", llama)).weights()) {
            for (int layer = 0; layer < 2; layer++) {
                WeightMatrix query = weights.matrix("model.layers." + layer + ".self_attn.q_proj.weight", 8, 32);
                for (int row = 0; row < 8; row++) {
                    assertThat(query.get(row, 31)).isEqualTo(row);
                }
            }
            assertThat(weights.matrix("model.layers.0.self_attn.v_proj.weight", 8, 32)
                            .get(1, 0))
                    .isEqualTo(2);
        }
    }

    @Test
    void refusesNumbersThatAreNone() throws IOException {
        for (double number : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            GgufWriter file = deepseek()
                    .u32("deepseek2.attention.key_length", 12)
                    .u32("deepseek2.attention.value_length", 8)
                    .text("deepseek2.rope.scaling.type", "yarn")
                    .f32("deepseek2.rope.scaling.factor", 40)
                    .u32("deepseek2.rope.scaling.original_context_length", 4096)
                    .f32("deepseek2.rope.scaling.yarn_log_multiplier", number);
            assertThatThrownBy(() -> GgufCheckpoint.open(write("n.gguf", file)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll(
                            "rope.scaling.yarn_log_multiplier is " + number, "a number in float range");
        }
    }

    @Test
    void refusesWhatItCannotServeByName() throws IOException {
        assertThatThrownBy(() -> GgufCheckpoint.open(write("a.gguf", model("gemma3"))))
                .hasMessageContainingAll("gemma3", "deepseek2, deepseek32, llama and qwen2");
        assertThatThrownBy(() ->
                        GgufCheckpoint.open(write("b.gguf", model("qwen2").text("qwen2.rope.scaling.type", "yarn"))))
                .hasMessageContaining("qwen2.rope.scaling.type is yarn");
        assertThatThrownBy(() ->
                        GgufCheckpoint.open(write("c.gguf", model("qwen2").text("tokenizer.ggml.model", "llama"))))
                .hasMessageContaining("tokenizer.ggml.model is llama");
        assertThatThrownBy(() -> GgufCheckpoint.open(write(
                        "d.gguf",
                        model("qwen2").text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "viking"))))
                .hasMessageContaining("tokenizer.ggml.pre is viking");
        GgufWriter mixed = model("qwen2")
                .tensor("output.weight", GgufType.IQ4_XS, List.of(1, 256), new byte[136])
                .tensor("blk.0.ffn_up.weight", GgufType.IQ2_XXS, List.of(1, 256), new byte[66])
                .tensor("blk.1.ffn_up.weight", GgufType.IQ1_S, List.of(1, 256), new byte[50]);
        assertThatThrownBy(() -> GgufCheckpoint.open(write("e.gguf", mixed)))
                .hasMessageContainingAll(
                        "e.gguf: 2 tensors, blk.0.ffn_up.weight the first, are of type IQ1_S, IQ2_XXS, which is not served",
                        "get the model in another quantization, such as Q4_K_M or Q2_K",
                        "IQ4_XS");
    }

    @Test
    void refusesWeightsOfOtherShapesAndNames() throws IOException {
        Path other = write(
                "f.gguf", model("qwen2").tensor("output.weight", GgufType.IQ4_XS, List.of(1, 256), new byte[136]));
        try (WeightSource weights = GgufCheckpoint.open(other).weights()) {
            assertThatThrownBy(() -> weights.matrix("model.embed_tokens.weight", 4, 32))
                    .hasMessageContainingAll("[3, 32]", "[4, 32]");
            assertThatThrownBy(() -> weights.vector("model.norm.weight", 32)).hasMessageContaining("is missing");
            assertThatThrownBy(weights::requireAllUsed).hasMessageContaining("holds 2 tensors");
        }
    }
}
