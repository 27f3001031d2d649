package dev.fathom.checkpoint;

/** What a GGUF file says about a DeepSeek model: the reverse of {@link GgufConfig}. */
final class GgufModelPairs {
    private static final String PREFIX = "deepseek2.";
    private static final int MOSTLY_Q8_0 = 7;
    private static final int QUANTIZATION_VERSION = 2;
    private static final int SOFTMAX = 1;
    private static final int SIGMOID = 2;

    private final HfConfig config;

    /** @throws CheckpointException if it is not a DeepSeek model of generation 2 or 3 */
    GgufModelPairs(HfConfig config) {
        String architecture = config.architecture();
        if (!architecture.equals("DeepseekV3ForCausalLM") && !architecture.equals("DeepseekV2ForCausalLM")) {
            throw new CheckpointException(config.where() + " describes " + architecture
                    + "; GGUF files are written of DeepseekV2ForCausalLM and DeepseekV3ForCausalLM only.");
        }
        this.config = config;
    }

    void addTo(GgufPairs pairs) {
        pairs.text("general.architecture", "deepseek2")
                .text("general.type", "model")
                .whole("general.file_type", MOSTLY_Q8_0)
                .whole("general.quantization_version", QUANTIZATION_VERSION);
        int next = config.integerOr("num_nextn_predict_layers", 0);
        if (next > 0) {
            pairs.whole(PREFIX + "nextn_predict_layers", next);
        }
        pairs.whole(PREFIX + "block_count", config.integer("num_hidden_layers") + next)
                .whole(PREFIX + "context_length", config.integer("max_position_embeddings"))
                .whole(PREFIX + "embedding_length", config.integer("hidden_size"))
                .whole(PREFIX + "feed_forward_length", config.integer("intermediate_size"))
                .whole(PREFIX + "vocab_size", config.integer("vocab_size"))
                .whole(PREFIX + "leading_dense_block_count", config.integerOr("first_k_dense_replace", 0))
                .number(PREFIX + "rope.freq_base", config.numberOr("rope_theta", 10_000))
                .number(PREFIX + "attention.layer_norm_rms_epsilon", config.number("rms_norm_eps"));
        attention(pairs);
        if (config.integerOr("n_routed_experts", 0) > 0) {
            experts(pairs);
        }
        config.objectIfPresent("rope_scaling").ifPresent(scaling -> yarn(pairs, scaling));
    }

    /** Heads as the absorbed form has them, and as published. */
    private void attention(GgufPairs pairs) {
        int latent = config.integer("kv_lora_rank");
        int rope = config.integer("qk_rope_head_dim");
        pairs.whole(PREFIX + "attention.head_count", config.integer("num_attention_heads"))
                .whole(PREFIX + "attention.head_count_kv", 1)
                .whole(PREFIX + "attention.q_lora_rank", config.integerOr("q_lora_rank", 0))
                .whole(PREFIX + "attention.kv_lora_rank", latent)
                .whole(PREFIX + "attention.key_length", (long) latent + rope)
                .whole(PREFIX + "attention.value_length", latent)
                .whole(PREFIX + "attention.key_length_mla", (long) config.integer("qk_nope_head_dim") + rope)
                .whole(PREFIX + "attention.value_length_mla", config.integer("v_head_dim"))
                .whole(PREFIX + "rope.dimension_count", rope);
    }

    private void experts(GgufPairs pairs) {
        boolean sigmoid = config.textOr("scoring_func", "softmax").equals("sigmoid");
        pairs.whole(PREFIX + "expert_count", config.integer("n_routed_experts"))
                .whole(PREFIX + "expert_used_count", config.integer("num_experts_per_tok"))
                .whole(PREFIX + "expert_shared_count", config.integerOr("n_shared_experts", 0))
                .whole(PREFIX + "expert_feed_forward_length", config.integer("moe_intermediate_size"))
                .whole(PREFIX + "expert_gating_func", sigmoid ? SIGMOID : SOFTMAX)
                .flag(PREFIX + "expert_weights_norm", config.flagOr("norm_topk_prob", false))
                .number(PREFIX + "expert_weights_scale", config.numberOr("routed_scaling_factor", 1));
        if (config.integerOr("n_group", 1) > 1
                && !config.textOr("topk_method", "").equals("greedy")) {
            pairs.whole(PREFIX + "expert_group_count", config.integer("n_group"))
                    .whole(PREFIX + "expert_group_used_count", config.integer("topk_group"));
        }
    }

    private void yarn(GgufPairs pairs, HfConfig scaling) {
        String type = scaling.textOr("type", scaling.textOr("rope_type", ""));
        if (!type.equals("yarn")) {
            throw new CheckpointException(
                    scaling.where() + ": type " + type + " is not written to GGUF, only yarn is.");
        }
        pairs.text(PREFIX + "rope.scaling.type", "yarn")
                .number(PREFIX + "rope.scaling.factor", scaling.number("factor"))
                .whole(
                        PREFIX + "rope.scaling.original_context_length",
                        scaling.integer("original_max_position_embeddings"))
                .number(PREFIX + "rope.scaling.yarn_beta_fast", scaling.numberOr("beta_fast", 32))
                .number(PREFIX + "rope.scaling.yarn_beta_slow", scaling.numberOr("beta_slow", 1))
                .number(PREFIX + "rope.scaling.yarn_log_multiplier", 0.1 * scaling.numberOr("mscale_all_dim", 1));
    }
}
