package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.kernels.RouterRule;
import java.nio.charset.StandardCharsets;
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
    void readsPlainRopeAndDirectQueries() {
        String rope = V3.substring(V3.indexOf("\"rope_scaling\""), V3.indexOf("\"rope_theta\""));
        DeepSeekConfig config = read(
                V3.replace(rope, "\"rope_scaling\": null, ").replace("\"q_lora_rank\": 1536", "\"q_lora_rank\": null"));
        assertThat(config.yarn()).isNull();
        assertThat(config.attention().qLoraRank()).isZero();
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
                "\"quant_method\": \"fp8\" | \"quant_method\": \"awq\" | quant_method awq is not served",
                "\"fmt\": \"e4m3\" | \"fmt\": \"e5m2\" | fmt e5m2",
                "DeepseekV3ForCausalLM | DeepseekV32ForCausalLM | architecture DeepseekV32ForCausalLM is not served",
                "\"kv_lora_rank\": 512, |   | kv_lora_rank",
                "\"kv_lora_rank\": 512 | \"kv_lora_rank\": \"512\" | kv_lora_rank",
                "\"qk_rope_head_dim\": 64 | \"qk_rope_head_dim\": 63 | qk_rope_head_dim",
                "\"n_group\": 8 | \"n_group\": 7 | 256 experts",
                "\"factor\": 40 | \"factor\": 0.5 | factor 0.5",
                "\"vocab_size\": 129280 | \"vocab_size\": 0 | vocab_size 0",
            })
    void refusesByName(String given, String instead, String sentence) {
        String changed = V3.replace(given, instead == null ? "" : instead);
        assertThat(changed).isNotEqualTo(V3);
        assertThatThrownBy(() -> read(changed))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("config.json")
                .hasMessageContaining(sentence);
    }
}
