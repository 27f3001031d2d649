package dev.fathom.model;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import java.util.List;

/** How config.json's quantization_config says weights are stored. Tensors of the files say the same by their types. */
public enum WeightQuantization {
    NONE("none"),
    /** E4M3 in blocks. Activations stay float32: how others would quantize them changes nothing. */
    FP8("FP8 blocks"),
    /** INT8 in blocks, with activations rounded in groups as wide. */
    INT8_BLOCKS("INT8 blocks"),
    /** INT8 with a scale for each row, with activations rounded token by token. */
    INT8_ROWS("INT8 rows");

    private final String label;

    WeightQuantization(String label) {
        this.label = label;
    }

    /** For people. */
    public String label() {
        return label;
    }

    /** @throws CheckpointException naming the key, if the format is not served */
    public static WeightQuantization read(HfConfig file) {
        if (!file.has("quantization_config")) {
            return NONE;
        }
        HfConfig quantization = file.object("quantization_config");
        String method = quantization.text("quant_method");
        return switch (method) {
            case "fp8" -> fp8(quantization);
            case "blockwise_int8" -> blocks(quantization);
            case "w8a8_int8" -> INT8_ROWS;
            case "compressed-tensors" -> compressed(quantization);
            default ->
                throw new CheckpointException(quantization.where() + ": quant_method " + method
                        + " is not served, only fp8, blockwise_int8, w8a8_int8 and compressed-tensors are");
        };
    }

    private static WeightQuantization fp8(HfConfig quantization) {
        String format = quantization.textOr("fmt", "e4m3");
        List<Integer> block = quantization.integers("weight_block_size");
        if (!format.equals("e4m3") || block.size() != 2) {
            throw new CheckpointException(quantization.where() + ": fmt " + format + " with weight_block_size " + block
                    + " is not served, only e4m3 with two block sizes is");
        }
        return FP8;
    }

    private static WeightQuantization blocks(HfConfig quantization) {
        requireDynamic(quantization);
        List<Integer> block = quantization.integers("weight_block_size");
        if (block.size() != 2) {
            throw new CheckpointException(
                    quantization.where() + ": weight_block_size " + block + " is not served, only two block sizes are");
        }
        return INT8_BLOCKS;
    }

    private static void requireDynamic(HfConfig quantization) {
        String scheme = quantization.textOr("activation_scheme", "dynamic");
        if (!scheme.equals("dynamic")) {
            throw new CheckpointException(
                    quantization.where() + ": activation_scheme " + scheme + " is not served, only dynamic is");
        }
    }

    /** llm-compressor's: one group of all projections, INT8 by rows, activations by tokens. */
    private static WeightQuantization compressed(HfConfig quantization) {
        quantization.requireText("format", "int-quantized");
        HfConfig groups = quantization.object("config_groups");
        if (groups.has("group_1")) {
            throw new CheckpointException(groups.where() + ": group_1 is not served, only one group of projections is");
        }
        HfConfig group = groups.object("group_0");
        HfConfig weights = group.object("weights");
        weights.requireText("type", "int");
        weights.requireText("strategy", "channel");
        weights.requireFlag("symmetric", true);
        HfConfig activations = group.object("input_activations");
        activations.requireText("type", "int");
        activations.requireText("strategy", "token");
        activations.requireFlag("symmetric", true);
        activations.requireFlag("dynamic", true);
        for (HfConfig numbers : List.of(weights, activations)) {
            if (numbers.integer("num_bits") != 8) {
                throw new CheckpointException(
                        numbers.where() + ": num_bits " + numbers.integer("num_bits") + " is not served, only 8 is");
            }
        }
        return INT8_ROWS;
    }
}
