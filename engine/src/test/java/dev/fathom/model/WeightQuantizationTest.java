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

    private static final String AWQ =
            "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128, \"version\": \"gemm\","
                    + " \"zero_point\": true, \"modules_to_not_convert\": null}";

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "gemm | gemv | AWQ with 4 bits, version gemv and group_size 128 is not served, only 4 bits, version gemm",
                "128 | -1 | AWQ with 4 bits, version gemm and group_size -1 is not served",
                "\"bits\": 4 | \"bits\": 3 | AWQ with 3 bits, version gemm",
                "true | false | zero_point false is not served, only true is",
                "\"awq\" | \"gptq\" | quant_method gptq is not served, only fp8, blockwise_int8, w8a8_int8, awq and",
            })
    void refusesOtherAwqByName(String before, String after, String message) {
        assertThatThrownBy(() -> read(AWQ.replace(before, after)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(message);
    }

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
        String fp8 = COMPRESSED.replace("int-quantized", "float-quantized").replace("\"int\"", "\"float\"");
        assertThat(read(fp8)).isEqualTo(WeightQuantization.FP8_ROWS);
        assertThat(read(fp8.replace("\"channel\"", "\"tensor\""))).isEqualTo(WeightQuantization.FP8_ROWS);
        assertThat(read("{\"quant_method\": \"fp8\", \"activation_scheme\": \"static\"}"))
                .isEqualTo(WeightQuantization.FP8_ROWS);
        assertThatThrownBy(() -> read(fp8.replace("\"channel\"", "\"group\"")))
                .hasMessageContaining("floats of 8 bits with strategy group are not served");
        assertThat(read(AWQ)).isEqualTo(WeightQuantization.AWQ);
        assertThat(read(AWQ.replace("gemm", "GEMM").replace("128", "64"))).isEqualTo(WeightQuantization.AWQ);
        assertThat(read("{\"quant_method\": \"awq\", \"w_bit\": 4, \"q_group_size\": 32, \"zero_point\": true}"))
                .isEqualTo(WeightQuantization.AWQ);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "int-quantized | pack-quantized | format pack-quantized is not served, only int-quantized and float-quantized are",
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
