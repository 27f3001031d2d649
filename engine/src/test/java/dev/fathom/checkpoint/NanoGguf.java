package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The nano model's BF16 checkpoint as a GGUF file in llama.cpp's layout: kv_b_proj in two, experts stacked, norms and
 * router in float32. Matrices are BF16 or Q8_0 (each block's scale its largest number over 127, as a half).
 */
public final class NanoGguf {
    private final SafetensorsSource weights;
    private final HfConfig config;
    private final GgufType type;
    private final GgufWriter out = new GgufWriter();

    private NanoGguf(SafetensorsSource weights, HfConfig config, GgufType type) {
        this.weights = weights;
        this.config = config;
        this.type = type;
    }

    /**
     * The file under {@code target/}; written by the first call and kept.
     *
     * @param type  BF16 or Q8_0
     */
    public static Path file(String type) {
        Path nano = Bf16NanoCheckpoint.folder();
        Path file = nano.resolveSibling(nano.getFileName() + "-" + type + ".gguf");
        if (Files.exists(file)) {
            return file;
        }
        CheckpointFiles files = CheckpointFiles.folder(nano);
        HfConfig config = HfConfig.parse(files.read("config.json"), files.describe("config.json"));
        try (SafetensorsSource weights = SafetensorsSource.open(files, LoadProgress.none())) {
            Path unfinished = Files.createTempFile(nano.getParent(), "nano", ".part");
            NanoGguf gguf = new NanoGguf(weights, config, GgufType.valueOf(type));
            gguf.metadata();
            gguf.tokenizer(files);
            gguf.tensors();
            Files.write(unfinished, gguf.out.bytes());
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void metadata() {
        HfConfig yarn = config.object("rope_scaling");
        int nope = config.integer("qk_nope_head_dim");
        int rope = config.integer("qk_rope_head_dim");
        int latent = config.integer("kv_lora_rank");
        int next = config.integer("num_nextn_predict_layers");
        out.text("general.architecture", "deepseek2")
                .text("general.name", "nano")
                .u32("deepseek2.block_count", config.integer("num_hidden_layers") + next)
                .u32("deepseek2.nextn_predict_layers", next)
                .u32("deepseek2.context_length", config.integer("max_position_embeddings"))
                .u32("deepseek2.embedding_length", config.integer("hidden_size"))
                .u32("deepseek2.feed_forward_length", config.integer("intermediate_size"))
                .u32("deepseek2.attention.head_count", config.integer("num_attention_heads"))
                .u32("deepseek2.attention.head_count_kv", 1)
                .f32("deepseek2.attention.layer_norm_rms_epsilon", config.number("rms_norm_eps"))
                .u32("deepseek2.attention.q_lora_rank", config.integer("q_lora_rank"))
                .u32("deepseek2.attention.kv_lora_rank", latent)
                .u32("deepseek2.attention.key_length", latent + rope)
                .u32("deepseek2.attention.value_length", latent)
                .u32("deepseek2.attention.key_length_mla", nope + rope)
                .u32("deepseek2.attention.value_length_mla", config.integer("v_head_dim"))
                .u32("deepseek2.rope.dimension_count", rope)
                .f32("deepseek2.rope.freq_base", config.number("rope_theta"))
                .text("deepseek2.rope.scaling.type", "yarn")
                .f32("deepseek2.rope.scaling.factor", yarn.number("factor"))
                .u32("deepseek2.rope.scaling.original_context_length", yarn.integer("original_max_position_embeddings"))
                .f32("deepseek2.rope.scaling.yarn_log_multiplier", 0.1 * yarn.number("mscale_all_dim"))
                .u32("deepseek2.leading_dense_block_count", config.integer("first_k_dense_replace"))
                .u32("deepseek2.expert_count", config.integer("n_routed_experts"))
                .u32("deepseek2.expert_used_count", config.integer("num_experts_per_tok"))
                .u32("deepseek2.expert_shared_count", config.integer("n_shared_experts"))
                .u32("deepseek2.expert_feed_forward_length", config.integer("moe_intermediate_size"))
                .u32("deepseek2.expert_group_count", config.integer("n_group"))
                .u32("deepseek2.expert_group_used_count", config.integer("topk_group"))
                .u32("deepseek2.expert_gating_func", 2)
                .flag("deepseek2.expert_weights_norm", config.flag("norm_topk_prob"))
                .f32("deepseek2.expert_weights_scale", config.number("routed_scaling_factor"));
    }

    private void tokenizer(CheckpointFiles files) {
        JsonNode file = JsonMapper.shared().readTree(files.read("tokenizer.json"));
        int size = config.integer("vocab_size");
        List<String> tokens = new ArrayList<>(Collections.nCopies(size, ""));
        int[] types = new int[size];
        for (int id = 0; id < size; id++) {
            tokens.set(id, "[PAD" + id + "]");
            types[id] = 5;
        }
        file.get("model").get("vocab").forEachEntry((token, id) -> {
            tokens.set(id.intValue(), token);
            types[id.intValue()] = 1;
        });
        for (JsonNode added : file.get("added_tokens")) {
            tokens.set(added.get("id").intValue(), added.get("content").stringValue());
            types[added.get("id").intValue()] = added.get("special").booleanValue() ? 3 : 4;
        }
        List<String> merges = new ArrayList<>();
        for (JsonNode merge : file.get("model").get("merges")) {
            merges.add(merge.get(0).stringValue() + " " + merge.get(1).stringValue());
        }
        JsonNode named = JsonMapper.shared().readTree(files.read("tokenizer_config.json"));
        out.text("tokenizer.ggml.model", "gpt2")
                .text("tokenizer.ggml.pre", "deepseek-v3")
                .texts("tokenizer.ggml.tokens", tokens)
                .i32s("tokenizer.ggml.token_type", types)
                .texts("tokenizer.ggml.merges", merges)
                .u32("tokenizer.ggml.bos_token_id", config.integer("bos_token_id"))
                .u32("tokenizer.ggml.eos_token_id", config.integer("eos_token_id"))
                .flag("tokenizer.ggml.add_bos_token", true)
                .text("tokenizer.chat_template", named.get("chat_template").stringValue());
    }

    private void tensors() {
        int vocabulary = config.integer("vocab_size");
        int hidden = config.integer("hidden_size");
        matrix("token_embd.weight", "model.embed_tokens.weight", vocabulary, hidden);
        vector("output_norm.weight", "model.norm.weight", hidden);
        matrix("output.weight", "lm_head.weight", vocabulary, hidden);
        int layers = config.integer("num_hidden_layers");
        for (int layer = 0; layer < layers + config.integer("num_nextn_predict_layers"); layer++) {
            layer("blk." + layer + ".", "model.layers." + layer + ".", layer);
        }
        String next = "model.layers." + layers + ".";
        String block = "blk." + layers + ".nextn.";
        matrix(block + "eh_proj.weight", next + "eh_proj.weight", hidden, 2 * hidden);
        vector(block + "enorm.weight", next + "enorm.weight", hidden);
        vector(block + "hnorm.weight", next + "hnorm.weight", hidden);
        matrix(block + "embed_tokens.weight", next + "embed_tokens.weight", vocabulary, hidden);
        matrix(block + "shared_head_head.weight", next + "shared_head.head.weight", vocabulary, hidden);
        vector(block + "shared_head_norm.weight", next + "shared_head.norm.weight", hidden);
    }

    private void layer(String block, String layer, int number) {
        int hidden = config.integer("hidden_size");
        int heads = config.integer("num_attention_heads");
        int rank = config.integer("q_lora_rank");
        int latent = config.integer("kv_lora_rank");
        int rope = config.integer("qk_rope_head_dim");
        int nope = config.integer("qk_nope_head_dim");
        int value = config.integer("v_head_dim");
        String attention = layer + "self_attn.";
        vector(block + "attn_norm.weight", layer + "input_layernorm.weight", hidden);
        vector(block + "ffn_norm.weight", layer + "post_attention_layernorm.weight", hidden);
        matrix(block + "attn_q_a.weight", attention + "q_a_proj.weight", rank, hidden);
        vector(block + "attn_q_a_norm.weight", attention + "q_a_layernorm.weight", rank);
        matrix(block + "attn_q_b.weight", attention + "q_b_proj.weight", heads * (nope + rope), rank);
        matrix(block + "attn_kv_a_mqa.weight", attention + "kv_a_proj_with_mqa.weight", latent + rope, hidden);
        vector(block + "attn_kv_a_norm.weight", attention + "kv_a_layernorm.weight", latent);
        matrix(block + "attn_output.weight", attention + "o_proj.weight", hidden, heads * value);
        splitKeyValue(block, weights.matrix(attention + "kv_b_proj.weight", heads * (nope + value), latent));
        String mlp = layer + "mlp.";
        if (number < config.integer("first_k_dense_replace")) {
            mlp(block + "ffn_%s.weight", mlp + "%s_proj.weight", config.integer("intermediate_size"));
            return;
        }
        int experts = config.integer("n_routed_experts");
        int inner = config.integer("moe_intermediate_size");
        WeightMatrix router = weights.matrix(mlp + "gate.weight", experts, hidden);
        out.f32s(block + "ffn_gate_inp.weight", List.of(experts, hidden), floats(router));
        vector(block + "exp_probs_b.bias", mlp + "gate.e_score_correction_bias", experts);
        mlp(
                block + "ffn_%s_shexp.weight",
                mlp + "shared_experts.%s_proj.weight",
                inner * config.integer("n_shared_experts"));
        for (String name : List.of("gate", "up", "down")) {
            int rows = name.equals("down") ? hidden : inner;
            int cols = name.equals("down") ? inner : hidden;
            float[] all = new float[experts * rows * cols];
            for (int e = 0; e < experts; e++) {
                float[] one = floats(weights.matrix(mlp + "experts." + e + "." + name + "_proj.weight", rows, cols));
                System.arraycopy(one, 0, all, e * one.length, one.length);
            }
            write(block + "ffn_" + name + "_exps.weight", List.of(experts, rows, cols), all);
        }
    }

    private void mlp(String to, String from, int inner) {
        int hidden = config.integer("hidden_size");
        matrix(to.formatted("gate"), from.formatted("gate"), inner, hidden);
        matrix(to.formatted("up"), from.formatted("up"), inner, hidden);
        matrix(to.formatted("down"), from.formatted("down"), hidden, inner);
    }

    private void splitKeyValue(String block, WeightMatrix kvB) {
        int heads = config.integer("num_attention_heads");
        int nope = config.integer("qk_nope_head_dim");
        int value = config.integer("v_head_dim");
        int latent = kvB.cols();
        float[] keys = new float[heads * latent * nope];
        float[] values = new float[heads * value * latent];
        int k = 0;
        int v = 0;
        for (int head = 0; head < heads; head++) {
            int first = head * (nope + value);
            for (int l = 0; l < latent; l++) {
                for (int i = 0; i < nope; i++) {
                    keys[k++] = kvB.get(first + i, l);
                }
            }
            for (int i = 0; i < value; i++) {
                for (int l = 0; l < latent; l++) {
                    values[v++] = kvB.get(first + nope + i, l);
                }
            }
        }
        write(block + "attn_k_b.weight", List.of(heads, latent, nope), keys);
        write(block + "attn_v_b.weight", List.of(heads, value, latent), values);
    }

    private void vector(String to, String from, int size) {
        Tensor vector = weights.vector(from, size);
        out.f32s(to, List.of(size), vector.toArray());
    }

    private void matrix(String to, String from, int rows, int cols) {
        write(to, List.of(rows, cols), floats(weights.matrix(from, rows, cols)));
    }

    private static float[] floats(WeightMatrix matrix) {
        float[] all = new float[matrix.rows() * matrix.cols()];
        for (int i = 0; i < all.length; i++) {
            all[i] = matrix.get(i / matrix.cols(), i % matrix.cols());
        }
        return all;
    }

    private void write(String name, List<Integer> shape, float[] values) {
        out.tensor(name, type, shape, type == GgufType.Q8_0 ? q8(values) : bf16(values));
    }

    private static byte[] bf16(float[] values) {
        byte[] file = new byte[2 * values.length];
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putShort(Codecs.floatToBf16(value));
        }
        return file;
    }

    private static byte[] q8(float[] values) {
        byte[] file = new byte[values.length / 32 * 34];
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        for (int block = 0; block < values.length; block += 32) {
            float largest = 0;
            for (int i = block; i < block + 32; i++) {
                largest = Math.max(largest, Math.abs(values[i]));
            }
            float scale = largest / 127;
            bytes.putShort(Float.floatToFloat16(scale));
            for (int i = block; i < block + 32; i++) {
                bytes.put((byte) (scale == 0 ? 0 : Math.round(values[i] / scale)));
            }
        }
        return file;
    }
}
