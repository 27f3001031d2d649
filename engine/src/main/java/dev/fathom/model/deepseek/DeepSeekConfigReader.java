package dev.fathom.model.deepseek;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.kernels.RouterRule;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * config.json to {@link DeepSeekConfig}. What would change the mathematics and is not served is refused by name, so that
 * a model never runs as something it is not. Keys that only describe training or other programs are left alone.
 */
final class DeepSeekConfigReader {
    private static final String V2 = "DeepseekV2ForCausalLM";
    private static final String V3 = "DeepseekV3ForCausalLM";

    /** Keys of variants of the architectures that would need code of their own. */
    private static final List<String> UNSERVED_KEYS =
            List.of("index_topk", "index_n_heads", "sliding_window", "o_lora_rank", "hc_mult", "compress_ratios");

    /** Keys of rope_scaling that other models give and that would change the angles. */
    private static final Set<String> UNSERVED_YARN_KEYS =
            Set.of("attention_factor", "truncate", "short_factor", "long_factor");

    private final HfConfig file;
    private final String architecture;

    private DeepSeekConfigReader(HfConfig file) {
        this.file = file;
        architecture = file.architecture();
    }

    /** @throws CheckpointException naming the file and the key that is missing, mistyped or not served */
    static DeepSeekConfig read(HfConfig file) {
        return new DeepSeekConfigReader(file).read();
    }

    private DeepSeekConfig read() {
        if (!architecture.equals(V2) && !architecture.equals(V3)) {
            throw new CheckpointException(file.where() + ": architecture " + architecture + " is not served, only " + V2
                    + " and " + V3 + " are");
        }
        refuseWhatIsNotServed();
        try {
            return build();
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file.where() + ": " + e.getMessage(), e);
        }
    }

    private DeepSeekConfig build() {
        MlaConfig attention = new MlaConfig(
                file.integer("num_attention_heads"),
                file.integerOr("q_lora_rank", 0),
                file.integer("kv_lora_rank"),
                file.integer("qk_nope_head_dim"),
                file.integer("qk_rope_head_dim"),
                file.integer("v_head_dim"));
        requireAgreement("num_key_value_heads", attention.heads(), "num_attention_heads");
        requireAgreement("qk_head_dim", attention.queryHeadDim(), "qk_nope_head_dim + qk_rope_head_dim");
        requireAgreement("head_dim", attention.ropeHeadDim(), "qk_rope_head_dim");
        HfConfig rope = rope();
        return new DeepSeekConfig(
                file.integer("vocab_size"),
                file.integer("hidden_size"),
                file.integer("intermediate_size"),
                file.integer("num_hidden_layers"),
                file.integer("first_k_dense_replace"),
                file.integerOr("moe_layer_freq", 1),
                file.number("rms_norm_eps"),
                file.integer("max_position_embeddings"),
                file.flagOr("tie_word_embeddings", false),
                file.integerOr("num_nextn_predict_layers", 0),
                attention,
                moe(),
                (rope.has("rope_theta") ? rope : file).number("rope_theta"),
                yarn(rope));
    }

    private @Nullable MoeConfig moe() {
        if (!file.has("n_routed_experts")) {
            return null;
        }
        boolean biased = architecture.equals(V3);
        return new MoeConfig(
                biased ? sigmoidRule() : softmaxRule(),
                biased,
                file.integer("moe_intermediate_size"),
                file.integerOr("n_shared_experts", 0));
    }

    /** V3: chosen by sigmoid plus bias, groups by their two best. */
    private RouterRule sigmoidRule() {
        requireText("scoring_func", "sigmoid");
        requireText("topk_method", "noaux_tc");
        return new RouterRule(
                RouterRule.Scoring.SIGMOID,
                file.integer("n_routed_experts"),
                file.integer("num_experts_per_tok"),
                file.integer("n_group"),
                file.integer("topk_group"),
                RouterRule.GroupScore.TOP2_SUM,
                file.flag("norm_topk_prob"),
                file.number("routed_scaling_factor"));
    }

    /**
     * V2: chosen by softmax alone, among all experts (greedy) or those of the groups whose best expert is best. Weights
     * are divided by their sum or multiplied by the factor, never both, and a single one is not divided.
     *
     * @see "DeepSeek-V2, modeling_deepseek.py, class MoEGate"
     */
    private RouterRule softmaxRule() {
        requireText("scoring_func", "softmax");
        String method = file.textOr("topk_method", "greedy");
        boolean grouped = method.equals("group_limited_greedy");
        if (!grouped && !method.equals("greedy")) {
            throw new CheckpointException(file.where() + ": topk_method " + method
                    + " is not served, only greedy and group_limited_greedy are");
        }
        int topK = file.integer("num_experts_per_tok");
        boolean normalize = file.flagOr("norm_topk_prob", false) && topK > 1;
        return new RouterRule(
                RouterRule.Scoring.SOFTMAX,
                file.integer("n_routed_experts"),
                topK,
                grouped ? file.integer("n_group") : 1,
                grouped ? file.integer("topk_group") : 1,
                RouterRule.GroupScore.MAX,
                normalize,
                normalize ? 1 : file.numberOr("routed_scaling_factor", 1));
    }

    /** rope_scaling of published files, rope_parameters of files written by transformers 5, or the file itself. */
    private HfConfig rope() {
        Optional<HfConfig> parameters = file.objectIfPresent("rope_parameters");
        Optional<HfConfig> scaling = file.objectIfPresent("rope_scaling");
        if (parameters.isPresent() && scaling.isPresent()) {
            throw new CheckpointException(file.where()
                    + ": both rope_parameters and rope_scaling are given, and they may disagree; remove one");
        }
        return parameters.or(() -> scaling).orElse(file);
    }

    private @Nullable YarnConfig yarn(HfConfig rope) {
        if (rope == file) {
            return null;
        }
        String type = rope.textOr("rope_type", rope.textOr("type", "default"));
        String olderName = rope.textOr("type", type);
        if (!type.equals(olderName) || !(type.equals("yarn") || type.equals("default"))) {
            throw new CheckpointException(rope.where() + ": rope type " + type
                    + (type.equals(olderName) ? "" : " (and " + olderName + ")")
                    + " is not served, only yarn and default are");
        }
        if (type.equals("default")) {
            return null;
        }
        for (String key : UNSERVED_YARN_KEYS) {
            if (rope.has(key)) {
                throw new CheckpointException(rope.where() + ": " + key + " is not served for yarn");
            }
        }
        return new YarnConfig(
                rope.number("factor"),
                rope.integer("original_max_position_embeddings"),
                rope.numberOr("beta_fast", 32),
                rope.numberOr("beta_slow", 1),
                rope.numberOr("mscale", 1),
                rope.numberOr("mscale_all_dim", 0));
    }

    private void refuseWhatIsNotServed() {
        requireText("hidden_act", "silu");
        requireFlag("attention_bias", false);
        requireFlag("mlp_bias", false);
        requireFlag("rope_interleave", true);
        for (String key : UNSERVED_KEYS) {
            if (file.has(key)) {
                throw new CheckpointException(file.where() + ": " + key + " is given, which " + architecture
                        + " does not have; this variant is not served");
            }
        }
        file.objectIfPresent("quantization_config").ifPresent(DeepSeekConfigReader::requireServedQuantization);
    }

    private static void requireServedQuantization(HfConfig quantization) {
        String method = quantization.text("quant_method");
        if (!method.equals("fp8")) {
            throw new CheckpointException(
                    quantization.where() + ": quant_method " + method + " is not served, only fp8 is");
        }
        String format = quantization.textOr("fmt", "e4m3");
        List<Integer> block = quantization.integers("weight_block_size");
        if (!format.equals("e4m3") || block.size() != 2) {
            throw new CheckpointException(quantization.where() + ": fmt " + format + " with weight_block_size " + block
                    + " is not served, only e4m3 with two block sizes is");
        }
        // Weights only are FP8 here: activations stay float32, so how others would quantize them changes nothing.
    }

    private void requireText(String key, String wanted) {
        String given = file.textOr(key, wanted);
        if (!given.equals(wanted)) {
            throw new CheckpointException(
                    file.where() + ": " + key + " " + given + " is not served, only " + wanted + " is");
        }
    }

    private void requireFlag(String key, boolean wanted) {
        if (file.flagOr(key, wanted) != wanted) {
            throw new CheckpointException(
                    file.where() + ": " + key + " " + !wanted + " is not served, only " + wanted + " is");
        }
    }

    private void requireAgreement(String key, int wanted, String with) {
        int given = file.integerOr(key, wanted);
        if (given != wanted) {
            throw new CheckpointException(
                    file.where() + ": " + key + " is " + given + ", but " + with + " is " + wanted);
        }
    }
}
