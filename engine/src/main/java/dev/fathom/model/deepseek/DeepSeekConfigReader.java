package dev.fathom.model.deepseek;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.kernels.RouterRule;
import dev.fathom.model.RopeParameters;
import dev.fathom.model.WeightQuantization;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * config.json to {@link DeepSeekConfig}. What would change the mathematics and is not served is refused by name, so that
 * a model never runs as something it is not. Keys that only describe training or other programs are left alone.
 */
final class DeepSeekConfigReader {
    private static final String V2 = "DeepseekV2ForCausalLM";
    private static final String V3 = "DeepseekV3ForCausalLM";
    private static final String V32 = "DeepseekV32ForCausalLM";

    /** Keys of variants of the architectures that would need code of their own. */
    private static final List<String> UNSERVED_KEYS =
            List.of("sliding_window", "o_lora_rank", "hc_mult", "compress_ratios");

    /** Keys of an indexer, which only V3.2 has. */
    private static final List<String> INDEXER_KEYS = List.of("index_topk", "index_n_heads", "index_head_dim");

    /** Keys by which other models share an indexer among layers, or turn its heads in another way. */
    private static final List<String> UNSERVED_INDEXER_KEYS = List.of(
            "index_topk_freq",
            "index_topk_pattern",
            "index_skip_topk_offset",
            "indexer_types",
            "indexer_rope_interleave");

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
        if (!List.of(V2, V3, V32).contains(architecture)) {
            throw new CheckpointException(file.where() + ": architecture " + architecture + " is not served, only " + V2
                    + ", " + V3 + " and " + V32 + " are");
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
        file.requireAgreement("num_key_value_heads", attention.heads(), "num_attention_heads");
        file.requireAgreement("qk_head_dim", attention.queryHeadDim(), "qk_nope_head_dim + qk_rope_head_dim");
        file.requireAgreement("head_dim", attention.ropeHeadDim(), "qk_rope_head_dim");
        RopeParameters rope = RopeParameters.read(file);
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
                architecture.equals(V32) ? indexer(attention) : null,
                moe(),
                rope.theta(),
                yarn(rope));
    }

    private IndexerConfig indexer(MlaConfig attention) {
        IndexerConfig indexer = new IndexerConfig(
                file.integer("index_n_heads"), file.integer("index_head_dim"), file.integer("index_topk"));
        if (attention.qLoraRank() == 0) {
            throw new CheckpointException(
                    file.where() + ": q_lora_rank is missing; the indexer's queries are projected from that rank");
        }
        if (indexer.headDim() < attention.ropeHeadDim()) {
            throw new CheckpointException(file.where() + ": index_head_dim is " + indexer.headDim()
                    + ", but rope turns " + attention.ropeHeadDim() + " numbers of it (qk_rope_head_dim)");
        }
        for (String type : file.has("layer_types") ? file.texts("layer_types") : List.<String>of()) {
            if (!type.equals("indexed_attention")) {
                throw new CheckpointException(
                        file.where() + ": layer_types has " + type + ", only indexed_attention is served");
            }
        }
        return indexer;
    }

    private @Nullable MoeConfig moe() {
        if (!file.has("n_routed_experts")) {
            return null;
        }
        boolean biased = !architecture.equals(V2);
        return new MoeConfig(
                biased ? sigmoidRule() : softmaxRule(),
                biased,
                file.integer("moe_intermediate_size"),
                file.integerOr("n_shared_experts", 0));
    }

    /** V3 and V3.2: chosen by sigmoid plus bias, groups by their two best. */
    private RouterRule sigmoidRule() {
        file.requireText("scoring_func", "sigmoid");
        file.requireText("topk_method", "noaux_tc");
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
        file.requireText("scoring_func", "softmax");
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

    private static @Nullable YarnConfig yarn(RopeParameters parameters) {
        if (parameters.type().equals("default")) {
            return null;
        }
        if (!parameters.type().equals("yarn")) {
            throw parameters.notServed(List.of("yarn", "default"));
        }
        HfConfig rope = parameters.values();
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
        file.requireText("hidden_act", "silu");
        file.requireFlag("attention_bias", false);
        file.requireFlag("mlp_bias", false);
        file.requireFlag("rope_interleave", true);
        refuse(UNSERVED_KEYS);
        refuse(architecture.equals(V32) ? UNSERVED_INDEXER_KEYS : INDEXER_KEYS);
        WeightQuantization.read(file);
    }

    private void refuse(List<String> keys) {
        for (String key : keys) {
            if (file.has(key)) {
                throw new CheckpointException(file.where() + ": " + key + " is given, which " + architecture
                        + " does not have; this variant is not served");
            }
        }
    }
}
