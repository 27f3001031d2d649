package dev.fathom.model.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LlamaConfigReaderTest {
    /** The released DeepSeek-R1-Distill-Llama-8B config.json. */
    private static final String LLAMA = """
            {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
             "bos_token_id": 128000, "eos_token_id": 128001, "hidden_act": "silu", "hidden_size": 4096,
             "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 131072,
             "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32,
             "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
             "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 8192, "rope_type": "llama3"},
             "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true,
             "vocab_size": 128256}""";

    /** The released DeepSeek-R1-Distill-Qwen-7B config.json. */
    private static final String QWEN2 = """
            {"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
             "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": 3584, "initializer_range": 0.02,
             "intermediate_size": 18944, "max_position_embeddings": 131072, "max_window_layers": 28,
             "model_type": "qwen2", "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
             "rms_norm_eps": 1e-06, "rope_theta": 10000, "sliding_window": 4096, "tie_word_embeddings": false,
             "torch_dtype": "bfloat16", "use_cache": true, "use_mrope": false, "use_sliding_window": false,
             "vocab_size": 152064}""";

    private static LlamaConfig read(String json) {
        return LlamaConfigReader.read(HfConfig.parse(json.getBytes(StandardCharsets.UTF_8), "config.json"));
    }

    @Test
    void readsTheReleasedLlamaDistillConfig() {
        assertThat(read(LLAMA))
                .isEqualTo(new LlamaConfig(
                        128256,
                        4096,
                        14336,
                        32,
                        32,
                        8,
                        128,
                        false,
                        1e-5f,
                        131072,
                        false,
                        500000,
                        new Llama3Scaling(8, 1, 4, 8192)));
    }

    @Test
    void readsTheReleasedQwenDistillConfig() {
        assertThat(read(QWEN2))
                .isEqualTo(
                        new LlamaConfig(152064, 3584, 18944, 28, 28, 4, 128, true, 1e-6f, 131072, false, 10000, null));
    }

    @Test
    void takesAHeadWidthOfItsOwnAndAsManyCachedHeadsAsQueryHeads() {
        LlamaConfig config = read(LLAMA.replace("\"num_key_value_heads\": 8", "\"head_dim\": 64"));
        assertThat(config.headDim()).isEqualTo(64);
        assertThat(config.keyValueHeads()).isEqualTo(32);
        assertThat(config.queryWidth()).isEqualTo(2048);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '|',
            value = {
                "LlamaForCausalLM | MistralForCausalLM | architecture MistralForCausalLM is not served",
                "\"attention_bias\": false | \"attention_bias\": true | attention_bias true is not served",
                "\"mlp_bias\": false | \"mlp_bias\": true | mlp_bias true is not served",
                "\"hidden_act\": \"silu\" | \"hidden_act\": \"gelu\" | hidden_act gelu is not served, only silu is",
                "\"use_cache\": true | \"sliding_window\": 4096 | sliding_window is given, which LlamaForCausalLM",
                "\"use_cache\": true | \"partial_rotary_factor\": 0.5 | partial_rotary_factor 0.5 is not served",
                "\"use_cache\": true | \"quantization_config\": {\"quant_method\": \"gptq\"} | quant_method gptq is not",
                "\"llama3\" | \"dynamic\" | rope type dynamic is not served, only llama3 and default are",
                "\"low_freq_factor\": 1.0 | \"low_freq_factor\": 4.0 | low_freq_factor 4.0",
                "\"num_key_value_heads\": 8 | \"num_key_value_heads\": 5 | cannot share num_key_value_heads 5 evenly",
                "\"num_attention_heads\": 32 | \"num_attention_heads\": 24 | 4096 is no multiple of num_attention_heads",
                "\"use_cache\": true | \"head_dim\": 127 | head_dim must be even",
                "\"vocab_size\": 128256 | \"vocab_size\": 0 | vocab_size must be positive",
                "\"hidden_size\": 4096, |   | hidden_size",
                "\"rope_theta\": 500000.0 | \"rope_theta\": 1 | rope_theta",
            })
    void refusesByName(String given, @Nullable String instead, String sentence) {
        requireRefused(LLAMA, given, instead, sentence);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '|',
            value = {
                "\"use_sliding_window\": false | \"use_sliding_window\": true | use_sliding_window true is not served",
                "\"use_mrope\": false | \"use_mrope\": true | use_mrope true is not served",
                "\"use_cache\": true | \"attention_bias\": false | attention_bias false is not served, only true is",
                "\"use_cache\": true | \"layer_types\": [\"full_attention\", \"sliding_attention\"] | sliding_attention",
                "\"use_cache\": true | \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4} | rope type yarn is not served",
            })
    void refusesWhatQwen2DoesNotServeByName(String given, @Nullable String instead, String sentence) {
        requireRefused(QWEN2, given, instead, sentence);
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
