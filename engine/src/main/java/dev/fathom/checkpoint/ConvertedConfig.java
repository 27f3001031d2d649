package dev.fathom.checkpoint;

import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** config.json of a converted checkpoint: what is said of the weights' format is replaced, the rest stays. */
final class ConvertedConfig {
    private static final String QUANTIZATION = "quantization_config";

    private final ObjectNode config;

    /** @throws CheckpointException if it is not a JSON object */
    ConvertedConfig(byte[] json, String where) {
        if (!(StrictJson.tree(json, where) instanceof ObjectNode object)) {
            throw new CheckpointException(where + " holds no JSON object: download it again.");
        }
        config = object;
    }

    ObjectNode json(TargetFormat format) {
        config.remove(QUANTIZATION);
        config.put("torch_dtype", "bfloat16");
        switch (format) {
            case BF16, Q8_0 -> {}
            case FP8 -> fp8(config.putObject(QUANTIZATION));
            case INT8 -> compressed(config.putObject(QUANTIZATION));
        }
        return config;
    }

    private static void fp8(ObjectNode quantization) {
        quantization.put("activation_scheme", "dynamic").put("fmt", "e4m3").put("quant_method", "fp8");
        quantization
                .putArray("weight_block_size")
                .add(Encoding.FP8.rowsPerBlock())
                .add(Encoding.FP8.rowsPerBlock());
    }

    /** compressed-tensors: INT8 by rows, activations by tokens; all linear layers but those that stay plain. */
    private static void compressed(ObjectNode quantization) {
        quantization
                .put("quant_method", "compressed-tensors")
                .put("format", "int-quantized")
                .put("quantization_status", "compressed");
        ObjectNode group = quantization.putObject("config_groups").putObject("group_0");
        group.putArray("targets").add("Linear");
        numbers(group.putObject("weights"), "channel", false);
        numbers(group.putObject("input_activations"), "token", true);
        List.of("lm_head", "re:.*mlp\\.gate$", "re:.*kv_b_proj$", "re:.*eh_proj$", "re:.*shared_head\\.head$")
                .forEach(quantization.putArray("ignore")::add);
    }

    private static void numbers(ObjectNode to, String strategy, boolean dynamic) {
        to.put("num_bits", 8).put("type", "int").put("symmetric", true);
        to.put("strategy", strategy).put("dynamic", dynamic);
    }
}
