package dev.fathom.bench;

import dev.fathom.load.LoadedModel;
import dev.fathom.tensor.Codecs;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * Writes a checkpoint with a model's real layer sizes, few layers and random weights, so that speed can be measured
 * without a download: {@code java -cp ... dev.fathom.bench.SliceMaker (v3 | v32 | v2lite) FOLDER [LAYERS]}. DeepSeek-V3's
 * and V3.2's are in FP8 blocks (2 layers, 32 experts, 3.2 GB), DeepSeek-V2-Lite's in BF16 (4 layers, 4.5 GB; with all 27, 31 GB).
 *
 * <p>Weights are drawn from a pool of normal numbers, long runs at random places: they look random to a memory system
 * and to the arithmetic, and gigabytes are written in seconds. The tokenizer is the embedded model's, whose vocabulary
 * fits into all others.
 */
public final class SliceMaker {
    /** Sizes by the names of config.json; qLora 0 is none. */
    private record Shape(
            boolean fp8,
            int hidden,
            int denseInner,
            int expertInner,
            int layers,
            int experts,
            int sharedExperts,
            int heads,
            int qLora,
            int vocabulary,
            boolean indexer,
            String config) {
        Shape withLayers(int count) {
            String changed = config.replace("\"num_hidden_layers\": " + layers, "\"num_hidden_layers\": " + count);
            return new Shape(
                    fp8,
                    hidden,
                    denseInner,
                    expertInner,
                    count,
                    experts,
                    sharedExperts,
                    heads,
                    qLora,
                    vocabulary,
                    indexer,
                    changed);
        }

        /** DeepSeek-V3 with an indexer. */
        Shape sparse() {
            String changed = config.replace("DeepseekV3ForCausalLM", "DeepseekV32ForCausalLM")
                    .replace("deepseek_v3", "deepseek_v32")
                    .replace("\"fmt\"", "\"scale_fmt\": \"ue8m0\", \"fmt\"")
                    .replace(
                            "\"vocab_size\"",
                            "\"index_n_heads\": %d, \"index_head_dim\": %d, \"index_topk\": %d, \"vocab_size\""
                                    .formatted(INDEX_HEADS, INDEX_WIDTH, INDEX_TOP));
            return new Shape(
                    fp8,
                    hidden,
                    denseInner,
                    expertInner,
                    layers,
                    experts,
                    sharedExperts,
                    heads,
                    qLora,
                    vocabulary,
                    true,
                    changed);
        }
    }

    private static final Shape V3 = new Shape(true, 7168, 18432, 2048, 2, 32, 1, 128, 1536, 32768, false, """
            {"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "n_routed_experts": 32,
             "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 2,
             "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "norm_topk_prob": true,
             "scoring_func": "sigmoid", "topk_method": "noaux_tc", "routed_scaling_factor": 2.5,
             "num_attention_heads": 128, "num_key_value_heads": 128, "q_lora_rank": 1536, "vocab_size": 32768,
             "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
               "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}, "num_nextn_predict_layers": 0,
             "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
               "weight_block_size": [128, 128]},""");

    private static final Shape V2_LITE = new Shape(false, 2048, 10944, 1408, 4, 64, 2, 16, 0, 102400, false, """
            {"architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "n_routed_experts": 64,
             "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 4,
             "n_shared_experts": 2, "num_experts_per_tok": 6, "n_group": 1, "topk_group": 1, "norm_topk_prob": false,
             "scoring_func": "softmax", "topk_method": "greedy", "routed_scaling_factor": 1.0,
             "num_attention_heads": 16, "num_key_value_heads": 16, "q_lora_rank": null, "vocab_size": 102400,
             "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32,
               "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707}, "torch_dtype": "bfloat16",""");

    private static final String COMMON_CONFIG = """

             "attention_bias": false, "hidden_act": "silu", "first_k_dense_replace": 1, "moe_layer_freq": 1,
             "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
             "max_position_embeddings": 163840, "rms_norm_eps": 1e-6, "rope_theta": 10000,
             "tie_word_embeddings": false, "bos_token_id": 0, "eos_token_id": 1}
            """;

    private static final int KV_LORA = 512;
    private static final int NOPE = 128;
    private static final int ROPE = 64;
    private static final int VALUE = 128;
    private static final int INDEX_HEADS = 64;
    private static final int INDEX_WIDTH = 128;
    private static final int INDEX_TOP = 2048;
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
    private final Shape shape;

    private SliceMaker(Shape shape) {
        this.shape = shape;
        ByteBuffer halves = ByteBuffer.wrap(bf16Pool).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < POOL; i++) {
            float normal = normal();
            fp8Pool[i] = Codecs.floatToE4m3(normal * Codecs.E4M3_MAX / BLOCK_MAX_SIGMA);
            halves.putShort(Codecs.floatToBf16(normal * deviation(shape.hidden())));
        }
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 2
                || arguments.length > 3
                || !List.of("v3", "v32", "v2lite").contains(arguments[0])) {
            System.err.println("usage: SliceMaker (v3 | v32 | v2lite) FOLDER [LAYERS]");
            System.exit(2);
        }
        Shape shape = switch (arguments[0]) {
            case "v3" -> V3;
            case "v32" -> V3.sparse();
            default -> V2_LITE;
        };
        int layers = arguments.length == 3 ? Integer.parseInt(arguments[2]) : shape.layers();
        new SliceMaker(shape.withLayers(layers)).write(Path.of(arguments[1]), System.out);
    }

    private void write(Path folder, PrintStream log) throws IOException {
        long start = System.nanoTime();
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), shape.config() + COMMON_CONFIG);
        Files.writeString(folder.resolve("generation_config.json"), "{\"bos_token_id\": 0, \"eos_token_id\": 1}\n");
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            try (InputStream in = LoadedModel.class.getResourceAsStream("/models/nano/" + file)) {
                Files.copy(Objects.requireNonNull(in, file), folder.resolve(file), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        items.add(new Item("model.embed_tokens.weight", Kind.BF16, shape.vocabulary(), shape.hidden()));
        for (int layer = 0; layer < shape.layers(); layer++) {
            layer("model.layers." + layer + ".", layer > 0);
        }
        items.add(new Item("model.norm.weight", Kind.NORM, 1, shape.hidden()));
        items.add(new Item("lm_head.weight", Kind.BF16, shape.vocabulary(), shape.hidden()));
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
                folder, shape.layers(), shape.experts(), bytes / 1e9, (System.nanoTime() - start) / 1e9);
    }

    private void layer(String prefix, boolean experts) {
        int hidden = shape.hidden();
        items.add(new Item(prefix + "input_layernorm.weight", Kind.NORM, 1, hidden));
        String attention = prefix + "self_attn.";
        int queries = shape.heads() * (NOPE + ROPE);
        if (shape.qLora() == 0) {
            linear(attention + "q_proj", queries, hidden);
        } else {
            linear(attention + "q_a_proj", shape.qLora(), hidden);
            items.add(new Item(attention + "q_a_layernorm.weight", Kind.NORM, 1, shape.qLora()));
            linear(attention + "q_b_proj", queries, shape.qLora());
        }
        linear(attention + "kv_a_proj_with_mqa", KV_LORA + ROPE, hidden);
        items.add(new Item(attention + "kv_a_layernorm.weight", Kind.NORM, 1, KV_LORA));
        linear(attention + "kv_b_proj", shape.heads() * (NOPE + VALUE), KV_LORA);
        linear(attention + "o_proj", hidden, shape.heads() * VALUE);
        if (shape.indexer()) {
            indexer(attention + "indexer.");
        }
        items.add(new Item(prefix + "post_attention_layernorm.weight", Kind.NORM, 1, hidden));
        if (!experts) {
            mlp(prefix + "mlp.", shape.denseInner());
            return;
        }
        items.add(new Item(prefix + "mlp.gate.weight", Kind.BF16, shape.experts(), hidden));
        if (shape.fp8()) {
            items.add(new Item(prefix + "mlp.gate.e_score_correction_bias", Kind.BIAS, 1, shape.experts()));
        }
        for (int expert = 0; expert < shape.experts(); expert++) {
            mlp(prefix + "mlp.experts." + expert + ".", shape.expertInner());
        }
        mlp(prefix + "mlp.shared_experts.", shape.expertInner() * shape.sharedExperts());
    }

    private void indexer(String prefix) {
        linear(prefix + "wq_b", INDEX_HEADS * INDEX_WIDTH, shape.qLora());
        linear(prefix + "wk", INDEX_WIDTH, shape.hidden());
        items.add(new Item(prefix + "k_norm.weight", Kind.NORM, 1, INDEX_WIDTH));
        items.add(new Item(prefix + "k_norm.bias", Kind.BIAS, 1, INDEX_WIDTH));
        items.add(new Item(prefix + "weights_proj.weight", Kind.BF16, INDEX_HEADS, shape.hidden()));
    }

    private void mlp(String prefix, int inner) {
        linear(prefix + "gate_proj", inner, shape.hidden());
        linear(prefix + "up_proj", inner, shape.hidden());
        linear(prefix + "down_proj", shape.hidden(), inner);
    }

    private void linear(String name, int rows, int cols) {
        if (!shape.fp8()) {
            items.add(new Item(name + ".weight", Kind.BF16, rows, cols));
            return;
        }
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
}
