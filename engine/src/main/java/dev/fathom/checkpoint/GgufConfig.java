package dev.fathom.checkpoint;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A GGUF file's metadata as the config.json that the same model is published with. */
final class GgufConfig {
    private static final JsonMapper JSON = JsonMapper.shared();

    private static final int SIGMOID = 2;

    /** Experts of DeepSeek-V3, whose groups files of early 2025 leave out: 8 groups, of which 4 are chosen. */
    private static final int V3_EXPERTS = 256;

    private final GgufMetadata metadata;
    private final List<GgufPart> parts;
    private final String architecture;

    GgufConfig(GgufMetadata metadata, List<GgufPart> parts) {
        this.metadata = metadata;
        this.parts = parts;
        this.architecture = metadata.text("general.architecture");
    }

    /** @throws CheckpointException if the architecture is not known or a key is missing */
    byte[] json() {
        ObjectNode config = JSON.createObjectNode();
        switch (architecture) {
            case "deepseek2" -> deepseek(config);
            case "deepseek32" -> sparse(config);
            case "llama" -> plain(config, "LlamaForCausalLM");
            case "qwen2" -> plain(config, "Qwen2ForCausalLM");
            default ->
                throw new CheckpointException(metadata.where() + ": general.architecture is " + architecture
                        + ", which is not served; GGUF files are read of deepseek2, deepseek32, llama and qwen2.");
        }
        return JSON.writeValueAsBytes(config);
    }

    /** generation_config.json: what ends a sequence, and how the model's makers would sample. */
    byte[] generationJson() {
        ObjectNode config = JSON.createObjectNode();
        var ends = config.putArray("eos_token_id");
        for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
            String name = "tokenizer.ggml." + key;
            if (metadata.has(name)) {
                ends.add(metadata.whole(name));
            }
        }
        if (ends.isEmpty()) {
            config.remove("eos_token_id");
        }
        copyNumber("general.sampling.temp", config, "temperature");
        copyNumber("general.sampling.top_p", config, "top_p");
        copyNumber("general.sampling.min_p", config, "min_p");
        copyNumber("general.sampling.penalty_repeat", config, "repetition_penalty");
        if (metadata.has("general.sampling.top_k")) {
            config.put("top_k", metadata.whole("general.sampling.top_k"));
        }
        return JSON.writeValueAsBytes(config);
    }

    /** What the file's writer did to rows. */
    RowOrder rowOrder() {
        return architecture.equals("llama")
                ? new RowOrder(size("attention.head_count"), size("attention.head_count_kv"))
                : RowOrder.AS_PUBLISHED;
    }

    private void deepseek(ObjectNode config) {
        boolean sigmoid = metadata.wholeOr(key("expert_gating_func"), 1) == SIGMOID;
        common(config, sigmoid ? "DeepseekV3ForCausalLM" : "DeepseekV2ForCausalLM");
        config.put("model_type", sigmoid ? "deepseek_v3" : "deepseek_v2");
        int nextLayers = sizeOr("nextn_predict_layers", 0);
        config.put("num_hidden_layers", size("block_count") - nextLayers);
        config.put("num_nextn_predict_layers", nextLayers);
        config.put("num_key_value_heads", size("attention.head_count"));
        latentAttention(config);
        if (has("expert_count") && size("expert_count") > 0) {
            experts(config, sigmoid);
        }
        config.put("first_k_dense_replace", sizeOr("leading_dense_block_count", 0));
        yarn(config);
    }

    /** DeepSeek-V3.2: V3 with an indexer, whose tensors have the published order of rows. */
    private void sparse(ObjectNode config) {
        deepseek(config);
        config.putArray("architectures").add("DeepseekV32ForCausalLM");
        config.put("model_type", "deepseek_v32");
        config.put("index_n_heads", size("attention.indexer.head_count"));
        config.put("index_head_dim", size("attention.indexer.key_length"));
        config.put("index_topk", size("attention.indexer.top_k"));
    }

    private void latentAttention(ObjectNode config) {
        int rank = sizeOr("attention.q_lora_rank", 0);
        if (rank > 0) {
            config.put("q_lora_rank", rank);
        }
        int rope = size("rope.dimension_count");
        // Files whose kv_b is split describe the absorbed form by key_length and the heads as published by *_mla.
        boolean absorbed = has("attention.key_length_mla");
        config.put("kv_lora_rank", size("attention.kv_lora_rank"));
        config.put("qk_rope_head_dim", rope);
        config.put("qk_nope_head_dim", size(absorbed ? "attention.key_length_mla" : "attention.key_length") - rope);
        config.put("v_head_dim", size(absorbed ? "attention.value_length_mla" : "attention.value_length"));
    }

    private void experts(ObjectNode config, boolean sigmoid) {
        int experts = size("expert_count");
        boolean groupsLeftOut = sigmoid && experts == V3_EXPERTS && !has("expert_group_count");
        int groups = groupsLeftOut ? 8 : sizeOr("expert_group_count", 1);
        int chosenGroups = groupsLeftOut ? 4 : sizeOr("expert_group_used_count", 1);
        config.put("n_routed_experts", experts);
        config.put("num_experts_per_tok", size("expert_used_count"));
        config.put("n_shared_experts", sizeOr("expert_shared_count", 0));
        config.put("moe_intermediate_size", size("expert_feed_forward_length"));
        config.put("n_group", groups);
        config.put("topk_group", chosenGroups);
        config.put("norm_topk_prob", metadata.flagOr(key("expert_weights_norm"), false));
        config.put("routed_scaling_factor", has("expert_weights_scale") ? number("expert_weights_scale") : 1);
        config.put("scoring_func", sigmoid ? "sigmoid" : "softmax");
        config.put("topk_method", sigmoid ? "noaux_tc" : groups > 1 ? "group_limited_greedy" : "greedy");
    }

    private void yarn(ObjectNode config) {
        String type = metadata.textIfPresent(key("rope.scaling.type")).orElse("none");
        if (type.equals("none")) {
            return;
        }
        if (!type.equals("yarn")) {
            throw new CheckpointException(metadata.where() + ": " + key("rope.scaling.type") + " is " + type
                    + ", which is not served for this architecture, only yarn is.");
        }
        ObjectNode scaling = config.putObject("rope_scaling");
        scaling.put("type", "yarn");
        scaling.put("factor", number("rope.scaling.factor"));
        scaling.put("original_max_position_embeddings", size("rope.scaling.original_context_length"));
        copyNumber(key("rope.scaling.yarn_beta_fast"), scaling, "beta_fast");
        copyNumber(key("rope.scaling.yarn_beta_slow"), scaling, "beta_slow");
        if (has("rope.scaling.yarn_log_multiplier")) {
            // 0.1 mscale_all_dim, rounded to float32: six digits are what was meant. No DeepSeek model has another
            // mscale.
            BigDecimal scale = BigDecimal.valueOf(10 * number("rope.scaling.yarn_log_multiplier"))
                    .round(new MathContext(6));
            scaling.put("mscale", scale);
            scaling.put("mscale_all_dim", scale);
        }
    }

    /** llama and qwen2. */
    private void plain(ObjectNode config, String name) {
        common(config, name);
        config.put("num_hidden_layers", size("block_count"));
        config.put("num_key_value_heads", sizeOr("attention.head_count_kv", size("attention.head_count")));
        if (has("attention.key_length")) {
            config.put("head_dim", size("attention.key_length"));
        }
        String type = metadata.textIfPresent(key("rope.scaling.type")).orElse("none");
        if (!type.equals("none")) {
            throw new CheckpointException(metadata.where() + ": " + key("rope.scaling.type") + " is " + type
                    + ", which is not served for this architecture; get the model as safetensors.");
        }
    }

    private void common(ObjectNode config, String name) {
        config.putArray("architectures").add(name);
        config.put("model_type", architecture);
        config.put("hidden_act", "silu");
        config.put("vocab_size", vocabulary());
        config.put("hidden_size", size("embedding_length"));
        config.put("intermediate_size", size("feed_forward_length"));
        config.put("num_attention_heads", size("attention.head_count"));
        config.put("max_position_embeddings", size("context_length"));
        config.put("rms_norm_eps", number("attention.layer_norm_rms_epsilon"));
        config.put("rope_theta", has("rope.freq_base") ? number("rope.freq_base") : 10000);
        config.put("tie_word_embeddings", tensor("output.weight").isEmpty());
        config.put("torch_dtype", "GGUF " + mostUsedType());
        for (String id : List.of("bos_token_id", "eos_token_id")) {
            if (metadata.has("tokenizer.ggml." + id)) {
                config.put(id, metadata.whole("tokenizer.ggml." + id));
            }
        }
    }

    /** Rows of the embedding table: the one place that cannot be wrong about it. */
    private int vocabulary() {
        GgufTensor embedding = tensor("token_embd.weight")
                .orElseThrow(() -> new CheckpointException(
                        metadata.where() + " holds no token_embd.weight, so it is no language model."));
        return embedding.shape().getFirst();
    }

    private Optional<GgufTensor> tensor(String name) {
        return parts.stream()
                .flatMap(part -> part.header().tensors().stream())
                .filter(tensor -> tensor.name().equals(name))
                .findFirst();
    }

    /** The type that most bytes are of. */
    private GgufType mostUsedType() {
        Map<GgufType, Long> bytes = new EnumMap<>(GgufType.class);
        for (GgufPart part : parts) {
            for (GgufTensor tensor : part.header().tensors()) {
                bytes.merge(tensor.type(), tensor.bytes(), Long::sum);
            }
        }
        List<Map.Entry<GgufType, Long>> sorted = new ArrayList<>(bytes.entrySet());
        sorted.sort(Map.Entry.comparingByValue());
        return sorted.getLast().getKey();
    }

    private void copyNumber(String from, ObjectNode to, String name) {
        if (metadata.has(from)) {
            to.put(name, metadata.number(from));
        }
    }

    private String key(String name) {
        return architecture + "." + name;
    }

    private boolean has(String name) {
        return metadata.has(key(name));
    }

    private double number(String name) {
        return metadata.number(key(name));
    }

    private int sizeOr(String name, int fallback) {
        return has(name) ? size(name) : fallback;
    }

    private int size(String name) {
        long value = metadata.whole(key(name));
        if (value < 0 || value > Integer.MAX_VALUE) {
            throw new CheckpointException(metadata.where() + ": " + key(name) + " is " + Long.toUnsignedString(value)
                    + ", expected at most " + Integer.MAX_VALUE + "; the file is damaged, download it again.");
        }
        return (int) value;
    }
}
