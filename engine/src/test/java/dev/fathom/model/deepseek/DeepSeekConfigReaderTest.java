package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.kernels.RouterRule;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeepSeekConfigReaderTest {
    /** The released DeepSeek-V3 config.json, without keys that only training reads. */
    private static final String V3 = """
            {"architectures": ["DeepseekV3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
             "bos_token_id": 0, "eos_token_id": 1, "ep_size": 1, "first_k_dense_replace": 3, "hidden_act": "silu",
             "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512, "max_position_embeddings": 163840,
             "model_type": "deepseek_v3", "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 8,
             "n_routed_experts": 256, "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 128,
             "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 128,
             "num_nextn_predict_layers": 1, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
             "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
               "weight_block_size": [128, 128]},
             "rms_norm_eps": 1e-06,
             "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
               "original_max_position_embeddings": 4096, "type": "yarn"},
             "rope_theta": 10000, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid",
             "tie_word_embeddings": false, "topk_group": 4, "topk_method": "noaux_tc", "torch_dtype": "bfloat16",
             "use_cache": true, "v_head_dim": 128, "vocab_size": 129280}""";

    /** The released DeepSeek-V2-Lite config.json, without keys that only training reads. */
    private static final String V2_LITE = """
            {"architectures": ["DeepseekV2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
             "aux_loss_alpha": 0.001, "bos_token_id": 100000, "eos_token_id": 100001, "first_k_dense_replace": 1,
             "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 10944, "kv_lora_rank": 512,
             "max_position_embeddings": 163840, "model_type": "deepseek_v2", "moe_intermediate_size": 1408,
             "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2,
             "norm_topk_prob": false, "num_attention_heads": 16, "num_experts_per_tok": 6, "num_hidden_layers": 27,
             "num_key_value_heads": 16, "pretraining_tp": 1, "q_lora_rank": null, "qk_nope_head_dim": 128,
             "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06,
             "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707,
               "mscale_all_dim": 0.707, "original_max_position_embeddings": 4096, "type": "yarn"},
             "rope_theta": 10000, "routed_scaling_factor": 1.0, "scoring_func": "softmax", "seq_aux": true,
             "tie_word_embeddings": false, "topk_group": 1, "topk_method": "greedy", "torch_dtype": "bfloat16",
             "use_cache": true, "v_head_dim": 128, "vocab_size": 102400}""";

    /** The released DeepSeek-V3.2 config.json, likewise: V3's with an indexer and scales that are powers of two. */
    private static final String V32 = V3.replace("DeepseekV3ForCausalLM", "DeepseekV32ForCausalLM")
            .replace("deepseek_v3", "deepseek_v32")
            .replace(
                    "\"hidden_size\"",
                    "\"index_head_dim\": 128, \"index_n_heads\": 64, \"index_topk\": 2048, \"hidden_size\"")
            .replace("\"quant_method\": \"fp8\",", "\"quant_method\": \"fp8\", \"scale_fmt\": \"ue8m0\",");

    private static DeepSeekConfig read(String json) {
        return DeepSeekConfigReader.read(HfConfig.parse(json.getBytes(StandardCharsets.UTF_8), "config.json"));
    }

    @Test
    void readsTheReleasedV3Config() {
        DeepSeekConfig config = read(V3);
        assertThat(config.attention()).isEqualTo(new MlaConfig(128, 1536, 512, 128, 64, 128));
        assertThat(config.moe())
                .isEqualTo(new MoeConfig(
                        new RouterRule(
                                RouterRule.Scoring.SIGMOID, 256, 8, 8, 4, RouterRule.GroupScore.TOP2_SUM, true, 2.5f),
                        true,
                        2048,
                        1));
        assertThat(config.yarn()).isEqualTo(new YarnConfig(40, 4096, 32, 1, 1, 1));
        assertThat(config.isMoe(2)).isFalse();
        assertThat(config.isMoe(3)).isTrue();
        assertThat(config.isMoe(61)).isTrue();
        assertThat(config.numNextnPredictLayers()).isEqualTo(1);
        assertThat(config.rmsNormEps()).isEqualTo(1e-6f);
    }

    @Test
    void readsTheReleasedV32Config() {
        DeepSeekConfig config = read(V32);
        assertThat(config.indexer()).isEqualTo(new IndexerConfig(64, 128, 2048));
        assertThat(config.moe()).isEqualTo(read(V3).moe());
        assertThat(config.attention()).isEqualTo(read(V3).attention());
        assertThat(read(V3).indexer()).isNull();
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '|',
            value = {
                "\"index_topk\": 2048, |   | index_topk",
                "\"index_topk\": 2048 | \"index_topk\": 0 | index_n_heads, index_head_dim and index_topk must be positive",
                "\"index_head_dim\": 128 | \"index_head_dim\": 32 | index_head_dim is 32, but rope turns 64 numbers of it",
                "\"q_lora_rank\": 1536 | \"q_lora_rank\": null | q_lora_rank is missing",
                "\"use_cache\": true | \"layer_types\": [\"full_attention\"] | layer_types has full_attention",
                "\"use_cache\": true | \"index_topk_freq\": 4 | index_topk_freq is given, which DeepseekV32ForCausalLM",
                "\"scale_fmt\": \"ue8m0\" | \"scale_fmt\": \"e5m3\" | scale_fmt e5m3 is not served",
            })
    void refusesWhatV32DoesNotServeByName(String given, String instead, String sentence) {
        requireRefused(V32, given, instead, sentence);
    }

    @Test
    void readsPlainRopeAndDirectQueries() {
        String rope = V3.substring(V3.indexOf("\"rope_scaling\""), V3.indexOf("\"rope_theta\""));
        DeepSeekConfig config = read(
                V3.replace(rope, "\"rope_scaling\": null, ").replace("\"q_lora_rank\": 1536", "\"q_lora_rank\": null"));
        assertThat(config.yarn()).isNull();
        assertThat(config.attention().qLoraRank()).isZero();
    }

    @Test
    void readsTheReleasedV2LiteConfig() {
        DeepSeekConfig config = read(V2_LITE);
        assertThat(config.attention()).isEqualTo(new MlaConfig(16, 0, 512, 128, 64, 128));
        assertThat(config.moe())
                .isEqualTo(new MoeConfig(
                        new RouterRule(RouterRule.Scoring.SOFTMAX, 64, 6, 1, 1, RouterRule.GroupScore.MAX, false, 1f),
                        false,
                        1408,
                        2));
        assertThat(config.yarn()).isEqualTo(new YarnConfig(40, 4096, 32, 1, 0.707f, 0.707f));
        assertThat(config.isMoe(0)).isFalse();
        assertThat(config.isMoe(1)).isTrue();
        assertThat(config.numNextnPredictLayers()).isZero();
    }

    /** DeepSeek-V2 and V2.5 choose 6 of 160 experts from 3 of 8 groups. */
    @Test
    void readsGroupLimitedRouting() {
        String v2 = V2_LITE.replace("\"greedy\"", "\"group_limited_greedy\"")
                .replace("\"n_group\": 1", "\"n_group\": 8")
                .replace("\"topk_group\": 1", "\"topk_group\": 3")
                .replace("\"n_routed_experts\": 64", "\"n_routed_experts\": 160")
                .replace("\"routed_scaling_factor\": 1.0", "\"routed_scaling_factor\": 16.0");
        assertThat(rule(v2))
                .isEqualTo(new RouterRule(
                        RouterRule.Scoring.SOFTMAX, 160, 6, 8, 3, RouterRule.GroupScore.MAX, false, 16f));
        assertThat(rule(v2.replace("\"group_limited_greedy\"", "\"greedy\"")))
                .as("greedy looks at no group")
                .isEqualTo(new RouterRule(
                        RouterRule.Scoring.SOFTMAX, 160, 6, 1, 1, RouterRule.GroupScore.MAX, false, 16f));
    }

    @Test
    void normalizesOrScalesV2sWeightsButNeverBoth() {
        String scaled = V2_LITE.replace("\"routed_scaling_factor\": 1.0", "\"routed_scaling_factor\": 16.0");
        String normalized = scaled.replace("\"norm_topk_prob\": false", "\"norm_topk_prob\": true");
        assertThat(rule(normalized).normalize()).isTrue();
        assertThat(rule(normalized).scale()).isEqualTo(1);
        RouterRule single = rule(normalized.replace("\"num_experts_per_tok\": 6", "\"num_experts_per_tok\": 1"));
        assertThat(single.normalize()).isFalse();
        assertThat(single.scale()).isEqualTo(16);
    }

    private static RouterRule rule(String json) {
        return Objects.requireNonNull(read(json).moe()).rule();
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '|',
            value = {
                "\"attention_bias\": false | \"attention_bias\": true | attention_bias true is not served",
                "\"softmax\" | \"sigmoid\" | scoring_func sigmoid is not served, only softmax is",
                "\"greedy\" | \"noaux_tc\" | topk_method noaux_tc is not served, only greedy and group_limited_greedy",
                "\"use_cache\": true | \"index_topk\": 2048 | index_topk is given, which DeepseekV2ForCausalLM",
                "\"num_experts_per_tok\": 6 | \"num_experts_per_tok\": 65 | 65 of 64 experts",
                "\"type\": \"yarn\" | \"type\": \"dynamic\" | rope type dynamic is not served",
            })
    void refusesWhatV2DoesNotServeByName(String given, String instead, String sentence) {
        requireRefused(V2_LITE, given, instead, sentence);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '|',
            value = {
                "\"attention_bias\": false | \"attention_bias\": true | attention_bias true is not served",
                "\"hidden_act\": \"silu\" | \"hidden_act\": \"gelu\" | hidden_act gelu is not served, only silu is",
                "\"scoring_func\": \"sigmoid\" | \"scoring_func\": \"softmax\" | scoring_func softmax is not served",
                "\"topk_method\": \"noaux_tc\" | \"topk_method\": \"greedy\" | topk_method greedy is not served",
                "\"use_cache\": true | \"rope_interleave\": false | rope_interleave false is not served",
                "\"use_cache\": true | \"index_topk\": 2048 | index_topk is given",
                "\"use_cache\": true | \"head_dim\": 128 | head_dim is 128, but qk_rope_head_dim is 64",
                "\"num_key_value_heads\": 128 | \"num_key_value_heads\": 8 | num_key_value_heads is 8",
                "\"type\": \"yarn\" | \"type\": \"linear\" | rope type linear is not served",
                "\"type\": \"yarn\" | \"type\": \"yarn\", \"attention_factor\": 1.2 | attention_factor is not served",
                "\"quant_method\": \"fp8\" | \"quant_method\": \"gptq\" | quant_method gptq is not served",
                "\"fmt\": \"e4m3\" | \"fmt\": \"e5m2\" | fmt e5m2",
                "DeepseekV3ForCausalLM | DeepseekV4ForCausalLM | architecture DeepseekV4ForCausalLM is not served",
                "DeepseekV3ForCausalLM | DeepseekV32ForCausalLM | index_n_heads",
                "\"kv_lora_rank\": 512, |   | kv_lora_rank",
                "\"kv_lora_rank\": 512 | \"kv_lora_rank\": \"512\" | kv_lora_rank",
                "\"qk_rope_head_dim\": 64 | \"qk_rope_head_dim\": 63 | qk_rope_head_dim",
                "\"n_group\": 8 | \"n_group\": 7 | 256 experts",
                "\"factor\": 40 | \"factor\": 0.5 | factor 0.5",
                "\"vocab_size\": 129280 | \"vocab_size\": 0 | vocab_size 0",
            })
    void refusesByName(String given, String instead, String sentence) {
        requireRefused(V3, given, instead, sentence);
    }

    private static void requireRefused(String json, String given, @Nullable String instead, String sentence) {
        String changed = json.replace(given, instead == null ? "" : instead);
        assertThat(changed).isNotEqualTo(json);
        assertThatThrownBy(() -> read(changed))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("config.json")
                .hasMessageContaining(sentence);
    }
}
