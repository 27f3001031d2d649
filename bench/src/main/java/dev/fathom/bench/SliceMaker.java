package dev.fathom.bench;

import dev.fathom.tensor.Codecs;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * Writes a checkpoint with DeepSeek-V3's real layer sizes, few layers and random weights in FP8 blocks, so that speed
 * can be measured without a download: {@code java -cp ... dev.fathom.bench.SliceMaker FOLDER [layers] [experts]}.
 *
 * <p>Weights are drawn from a pool of normal numbers, long runs at random places: they look random to a memory system
 * and to the arithmetic, and 2.7 GB are written in seconds. There is no tokenizer: serve it with
 * {@code --skip-tokenizer-init}.
 */
public final class SliceMaker {
    private static final int HIDDEN = 7168;
    private static final int DENSE_INNER = 18432;
    private static final int EXPERT_INNER = 2048;
    private static final int HEADS = 128;
    private static final int Q_LORA = 1536;
    private static final int KV_LORA = 512;
    private static final int NOPE = 128;
    private static final int ROPE = 64;
    private static final int VALUE = 128;
    private static final int VOCABULARY = 32768;
    private static final int BLOCK = 128;
    /** A block's largest magnitude in standard deviations; 448 in E4M3 stands for it. */
    private static final float BLOCK_MAX_SIGMA = 4.2f;

    private static final int POOL = 1 << 22;
    private static final int RUN = 1 << 16;

    private enum Kind {
        FP8,
        BF16,
        NORM,
        BIAS,
        SCALE
    }

    private record Item(String name, Kind kind, int rows, int cols) {
        long bytes() {
            return switch (kind) {
                case FP8 -> (long) rows * cols;
                case BF16, NORM -> 2L * rows * cols;
                case BIAS, SCALE -> 4L * rows * cols;
            };
        }

        String dtype() {
            return switch (kind) {
                case FP8 -> "F8_E4M3";
                case BF16, NORM -> "BF16";
                case BIAS, SCALE -> "F32";
            };
        }

        boolean vector() {
            return kind == Kind.NORM || kind == Kind.BIAS;
        }
    }

    private final SplittableRandom random = new SplittableRandom(1);
    private final byte[] fp8Pool = new byte[POOL];
    private final byte[] bf16Pool = new byte[2 * POOL];
    private final List<Item> items = new ArrayList<>();

    private SliceMaker() {
        ByteBuffer halves = ByteBuffer.wrap(bf16Pool).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < POOL; i++) {
            float normal = normal();
            fp8Pool[i] = Codecs.floatToE4m3(normal * Codecs.E4M3_MAX / BLOCK_MAX_SIGMA);
            halves.putShort(Codecs.floatToBf16(normal * deviation(HIDDEN)));
        }
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 1) {
            System.err.println("usage: SliceMaker FOLDER [layers=2] [experts=32]");
            System.exit(2);
        }
        int layers = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 2;
        int experts = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 32;
        new SliceMaker().write(Path.of(arguments[0]), layers, experts, System.out);
    }

    private void write(Path folder, int layers, int experts, PrintStream log) throws IOException {
        long start = System.nanoTime();
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), config(layers, experts));
        Files.writeString(folder.resolve("generation_config.json"), "{\"bos_token_id\": 0, \"eos_token_id\": 1}\n");
        items.add(new Item("model.embed_tokens.weight", Kind.BF16, VOCABULARY, HIDDEN));
        for (int layer = 0; layer < layers; layer++) {
            layer("model.layers." + layer + ".", layer == 0 ? 0 : experts);
        }
        items.add(new Item("model.norm.weight", Kind.NORM, 1, HIDDEN));
        items.add(new Item("lm_head.weight", Kind.BF16, VOCABULARY, HIDDEN));
        long bytes = 0;
        try (OutputStream out =
                new BufferedOutputStream(Files.newOutputStream(folder.resolve("model.safetensors")), 1 << 20)) {
            out.write(header());
            for (Item item : items) {
                data(item, out);
                bytes += item.bytes();
            }
        }
        log.printf(
                "%s: %d layers, %d experts, %.2f GB in %.1f s%n",
                folder, layers, experts, bytes / 1e9, (System.nanoTime() - start) / 1e9);
    }

    private void layer(String prefix, int experts) {
        items.add(new Item(prefix + "input_layernorm.weight", Kind.NORM, 1, HIDDEN));
        String attention = prefix + "self_attn.";
        fp8(attention + "q_a_proj", Q_LORA, HIDDEN);
        items.add(new Item(attention + "q_a_layernorm.weight", Kind.NORM, 1, Q_LORA));
        fp8(attention + "q_b_proj", HEADS * (NOPE + ROPE), Q_LORA);
        fp8(attention + "kv_a_proj_with_mqa", KV_LORA + ROPE, HIDDEN);
        items.add(new Item(attention + "kv_a_layernorm.weight", Kind.NORM, 1, KV_LORA));
        fp8(attention + "kv_b_proj", HEADS * (NOPE + VALUE), KV_LORA);
        fp8(attention + "o_proj", HIDDEN, HEADS * VALUE);
        items.add(new Item(prefix + "post_attention_layernorm.weight", Kind.NORM, 1, HIDDEN));
        if (experts == 0) {
            mlp(prefix + "mlp.", DENSE_INNER);
            return;
        }
        items.add(new Item(prefix + "mlp.gate.weight", Kind.BF16, experts, HIDDEN));
        items.add(new Item(prefix + "mlp.gate.e_score_correction_bias", Kind.BIAS, 1, experts));
        for (int expert = 0; expert < experts; expert++) {
            mlp(prefix + "mlp.experts." + expert + ".", EXPERT_INNER);
        }
        mlp(prefix + "mlp.shared_experts.", EXPERT_INNER);
    }

    private void mlp(String prefix, int inner) {
        fp8(prefix + "gate_proj", inner, HIDDEN);
        fp8(prefix + "up_proj", inner, HIDDEN);
        fp8(prefix + "down_proj", HIDDEN, inner);
    }

    private void fp8(String name, int rows, int cols) {
        items.add(new Item(name + ".weight", Kind.FP8, rows, cols));
        items.add(
                new Item(name + ".weight_scale_inv", Kind.SCALE, Math.ceilDiv(rows, BLOCK), Math.ceilDiv(cols, BLOCK)));
    }

    private byte[] header() {
        Map<String, String> entries = new LinkedHashMap<>();
        long offset = 0;
        for (Item item : items) {
            String shape = item.vector() ? "[" + item.cols() + "]" : "[" + item.rows() + "," + item.cols() + "]";
            entries.put(
                    item.name(),
                    "{\"dtype\":\"" + item.dtype() + "\",\"shape\":" + shape + ",\"data_offsets\":[" + offset + ","
                            + (offset + item.bytes()) + "]}");
            offset += item.bytes();
        }
        StringBuilder json = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        entries.forEach(
                (name, entry) -> json.append(",\"").append(name).append("\":").append(entry));
        json.append('}');
        while ((json.length() + 8) % 64 != 0) {
            json.append(' ');
        }
        byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + text.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .array();
    }

    private void data(Item item, OutputStream out) throws IOException {
        switch (item.kind()) {
            case FP8 -> runs(fp8Pool, item.bytes(), out);
            case BF16 -> runs(bf16Pool, item.bytes(), out);
            case NORM -> numbers(item, out, to -> to.putShort(Codecs.floatToBf16(1 + 0.1f * normal())));
            case BIAS -> numbers(item, out, to -> to.putFloat(0.05f * normal()));
            case SCALE -> {
                float scale = deviation(item.cols() * BLOCK) * BLOCK_MAX_SIGMA / Codecs.E4M3_MAX;
                numbers(item, out, to -> to.putFloat(scale * (0.9f + 0.2f * (float) random.nextDouble())));
            }
        }
    }

    private static void numbers(Item item, OutputStream out, Consumer<ByteBuffer> next) throws IOException {
        byte[] bytes = new byte[(int) item.bytes()];
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            next.accept(buffer);
        }
        out.write(bytes);
    }

    private float normal() {
        return (float) random.nextGaussian();
    }

    private void runs(byte[] pool, long bytes, OutputStream out) throws IOException {
        for (long left = bytes; left > 0; ) {
            int run = (int) Math.min(left, RUN);
            // Even offsets keep BF16 numbers whole.
            out.write(pool, 2 * random.nextInt((pool.length - run) / 2 + 1), run);
            left -= run;
        }
    }

    /** Keeps activations at the same size whatever the fan-in. */
    private static float deviation(int fanIn) {
        return 0.02f * (float) Math.min(1, Math.sqrt(2048.0 / fanIn));
    }

    private static String config(int layers, int experts) {
        return """
            {"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "attention_bias": false,
             "hidden_act": "silu", "first_k_dense_replace": 1, "moe_layer_freq": 1, "hidden_size": %d,
             "intermediate_size": %d, "moe_intermediate_size": %d, "num_hidden_layers": %d, "n_routed_experts": %d,
             "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "norm_topk_prob": true,
             "scoring_func": "sigmoid", "topk_method": "noaux_tc", "routed_scaling_factor": 2.5,
             "num_attention_heads": %d, "num_key_value_heads": %d, "q_lora_rank": %d, "kv_lora_rank": %d,
             "qk_nope_head_dim": %d, "qk_rope_head_dim": %d, "v_head_dim": %d, "vocab_size": %d,
             "max_position_embeddings": 163840, "rms_norm_eps": 1e-6, "rope_theta": 10000,
             "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
               "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0},
             "num_nextn_predict_layers": 0, "tie_word_embeddings": false, "bos_token_id": 0, "eos_token_id": 1,
             "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
               "weight_block_size": [128, 128]}}
            """.formatted(
                        HIDDEN,
                        DENSE_INNER,
                        EXPERT_INNER,
                        layers,
                        experts,
                        HEADS,
                        HEADS,
                        Q_LORA,
                        KV_LORA,
                        NOPE,
                        ROPE,
                        VALUE,
                        VOCABULARY);
    }
}
