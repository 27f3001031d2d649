package dev.fathom.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WeightQuantizationTest {
    private static final String COMPRESSED = """
            {"quant_method": "compressed-tensors", "format": "int-quantized", "ignore": ["lm_head"],
             "config_groups": {"group_0": {"targets": ["Linear"],
               "weights": {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": true},
               "input_activations": {"num_bits": 8, "type": "int", "strategy": "token", "symmetric": true,
                 "dynamic": true}}}}""";

    private static WeightQuantization read(String quantization) {
        String json = "{\"quantization_config\": " + quantization + "}";
        return WeightQuantization.read(HfConfig.parse(json.getBytes(StandardCharsets.UTF_8), "config.json"));
    }

    @Test
    void readsEveryPublishedForm() {
        assertThat(WeightQuantization.read(HfConfig.parse("{}".getBytes(StandardCharsets.UTF_8), "config.json")))
                .isEqualTo(WeightQuantization.NONE);
        assertThat(read("{\"quant_method\": \"fp8\", \"fmt\": \"e4m3\", \"weight_block_size\": [128, 128]}"))
                .isEqualTo(WeightQuantization.FP8);
        assertThat(read("{\"quant_method\": \"blockwise_int8\", \"activation_scheme\": \"dynamic\","
                        + " \"weight_block_size\": [128, 128]}"))
                .isEqualTo(WeightQuantization.INT8_BLOCKS);
        assertThat(read("{\"quant_method\": \"w8a8_int8\"}")).isEqualTo(WeightQuantization.INT8_ROWS);
        assertThat(read(COMPRESSED)).isEqualTo(WeightQuantization.INT8_ROWS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "int-quantized | pack-quantized | format pack-quantized is not served, only int-quantized is",
                "\"channel\" | \"tensor\" | strategy tensor is not served, only channel is",
                "\"num_bits\": 8 | \"num_bits\": 4 | num_bits 4 is not served, only 8 is",
                "\"dynamic\": true | \"dynamic\": false | dynamic false is not served, only true is",
                "\"symmetric\": true} | \"symmetric\": false} | symmetric false is not served, only true is",
                "\"group_0\": | \"group_1\": {}, \"group_0\": | group_1 is not served",
                "compressed-tensors | bitsandbytes | quant_method bitsandbytes is not served, only fp8, blockwise_int8,",
            })
    void refusesOtherFormsByName(String before, String after, String message) {
        assertThat(COMPRESSED).contains(before);
        assertThatThrownBy(() -> read(COMPRESSED.replaceFirst(java.util.regex.Pattern.quote(before), after)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(message);
    }
}
