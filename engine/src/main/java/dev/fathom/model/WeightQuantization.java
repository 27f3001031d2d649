package dev.fathom.model;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import java.util.List;
import java.util.Locale;

/** How config.json's quantization_config says weights are stored. Tensors of the files say the same by their types. */
public enum WeightQuantization {
    NONE("none"),
    /** E4M3 in blocks. Activations stay float32: how others would quantize them changes nothing. */
    FP8("FP8 blocks"),
    /** E4M3 with a scale for each row, or one for all; activations as for blocks. */
    FP8_ROWS("FP8 rows"),
    /** INT8 in blocks, with activations rounded in groups as wide. */
    INT8_BLOCKS("INT8 blocks"),
    /** INT8 with a scale for each row, with activations rounded token by token. */
    INT8_ROWS("INT8 rows"),
    /** AWQ's four bits in groups of columns; activations rounded as for GGUF's blocks. */
    AWQ("AWQ, 4 bits");

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
        return file.objectIfPresent("quantization_config")
                .or(() -> file.objectIfPresent("compression_config")) // as older versions of llm-compressor wrote it
                .map(WeightQuantization::form)
                .orElse(NONE);
    }

    private static WeightQuantization form(HfConfig quantization) {
        String method = quantization.text("quant_method");
        return switch (method) {
            case "fp8" -> fp8(quantization);
            case "blockwise_int8" -> blocks(quantization);
            case "w8a8_int8" -> INT8_ROWS;
            case "awq" -> awq(quantization);
            case "compressed-tensors" -> compressed(quantization);
            default ->
                throw new CheckpointException(quantization.where() + ": quant_method " + method
                        + " is not served, only fp8, blockwise_int8, w8a8_int8, awq and compressed-tensors are");
        };
    }

    private static WeightQuantization fp8(HfConfig quantization) {
        String format = quantization.textOr("fmt", "e4m3");
        String scales = quantization.textOr("scale_fmt", "float");
        if (!scales.equals("float") && !scales.equals("ue8m0")) {
            throw new CheckpointException(
                    quantization.where() + ": scale_fmt " + scales + " is not served, only ue8m0 and float are");
        }
        List<Integer> block = quantization.integersOrNone("weight_block_size");
        if (!format.equals("e4m3") || (block.size() != 2 && !block.isEmpty())) {
            throw new CheckpointException(quantization.where() + ": fmt " + format + " with weight_block_size " + block
                    + " is not served, only e4m3 with two block sizes is, or without them");
        }
        return block.isEmpty() ? FP8_ROWS : FP8;
    }

    private static WeightQuantization awq(HfConfig quantization) {
        int bits = quantization.integer(quantization.has("w_bit") ? "w_bit" : "bits");
        int group = awqGroup(quantization);
        String version = quantization.textOr("version", "gemm").toLowerCase(Locale.ROOT);
        if (bits != 4 || !version.equals("gemm") || (group != 32 && group != 64 && group != 128)) {
            throw new CheckpointException(quantization.where() + ": AWQ with " + bits + " bits, version " + version
                    + " and group_size " + group
                    + " is not served, only 4 bits, version gemm and groups of 32, 64 or 128"
                    + " are");
        }
        quantization.requireFlag("zero_point", true);
        return AWQ;
    }

    /** Columns of a group, of an AWQ checkpoint. */
    public static int awqGroup(HfConfig quantization) {
        return quantization.integer(quantization.has("q_group_size") ? "q_group_size" : "group_size");
    }

    /** Ours take activations as they are: how others round them changes nothing. */
    private static WeightQuantization fp8Rows(HfConfig weights) {
        weights.requireText("type", "float");
        weights.requireFlag("symmetric", true);
        String strategy = weights.text("strategy");
        int bits = weights.integer("num_bits");
        if (bits != 8 || !(strategy.equals("channel") || strategy.equals("tensor"))) {
            throw new CheckpointException(weights.where() + ": floats of " + bits + " bits with strategy " + strategy
                    + " are not served, only 8 bits with channel or tensor");
        }
        return FP8_ROWS;
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

    /** llm-compressor's: one group of all projections, INT8 or FP8 by rows, activations by tokens. */
    private static WeightQuantization compressed(HfConfig quantization) {
        boolean fp8 = quantization.text("format").equals("float-quantized");
        if (!fp8 && !quantization.text("format").equals("int-quantized")) {
            throw new CheckpointException(quantization.where() + ": format " + quantization.text("format")
                    + " is not served, only int-quantized and float-quantized are");
        }
        HfConfig groups = quantization.object("config_groups");
        if (groups.has("group_1")) {
            throw new CheckpointException(groups.where() + ": group_1 is not served, only one group of projections is");
        }
        HfConfig group = groups.object("group_0");
        HfConfig weights = group.object("weights");
        if (fp8) {
            return fp8Rows(weights);
        }
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
