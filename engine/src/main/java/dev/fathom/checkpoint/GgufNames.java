package dev.fathom.checkpoint;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tensor names of GGUF files and the published names of the same weights. All architectures that are read share one
 * table: what one of them lacks does not appear in its files.
 *
 * @see "gguf-py, constants.py, TENSOR_NAMES"
 */
final class GgufNames {
    /** Stands for the expert in the name of a tensor that holds all of them. */
    static final String EXPERT = "%EXPERT%";

    private static final Pattern OF_LAYER = Pattern.compile("blk\\.(\\d{1,5})\\.(.+)");

    private static final Pattern OF_PUBLISHED_LAYER = Pattern.compile("model\\.layers\\.(\\d{1,5})\\.(.+)");
    private static final String BIAS = "exp_probs_b.bias";
    private static final String PUBLISHED_BIAS = "mlp.gate.e_score_correction_bias";

    private static final Map<String, String> OF_MODEL = Map.of(
            "token_embd.weight", "model.embed_tokens.weight",
            "output_norm.weight", "model.norm.weight",
            "output.weight", "lm_head.weight");

    private static final Map<String, String> IN_LAYER = Map.ofEntries(
            Map.entry("attn_norm", "input_layernorm"),
            Map.entry("ffn_norm", "post_attention_layernorm"),
            Map.entry("attn_q", "self_attn.q_proj"),
            Map.entry("attn_k", "self_attn.k_proj"),
            Map.entry("attn_v", "self_attn.v_proj"),
            Map.entry("attn_output", "self_attn.o_proj"),
            Map.entry("attn_q_a", "self_attn.q_a_proj"),
            Map.entry("attn_q_a_norm", "self_attn.q_a_layernorm"),
            Map.entry("attn_q_b", "self_attn.q_b_proj"),
            Map.entry("attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"),
            Map.entry("attn_kv_a_norm", "self_attn.kv_a_layernorm"),
            Map.entry("attn_kv_b", "self_attn.kv_b_proj"),
            Map.entry("attn_k_b", "self_attn.k_b_proj"),
            Map.entry("attn_v_b", "self_attn.v_b_proj"),
            Map.entry("indexer.attn_q_b", "self_attn.indexer.wq_b"),
            Map.entry("indexer.attn_k", "self_attn.indexer.wk"),
            Map.entry("indexer.k_norm", "self_attn.indexer.k_norm"),
            Map.entry("indexer.proj", "self_attn.indexer.weights_proj"),
            Map.entry("ffn_gate", "mlp.gate_proj"),
            Map.entry("ffn_up", "mlp.up_proj"),
            Map.entry("ffn_down", "mlp.down_proj"),
            Map.entry("ffn_gate_inp", "mlp.gate"),
            Map.entry("ffn_gate_shexp", "mlp.shared_experts.gate_proj"),
            Map.entry("ffn_up_shexp", "mlp.shared_experts.up_proj"),
            Map.entry("ffn_down_shexp", "mlp.shared_experts.down_proj"),
            Map.entry("ffn_gate_exps", "mlp.experts." + EXPERT + ".gate_proj"),
            Map.entry("ffn_up_exps", "mlp.experts." + EXPERT + ".up_proj"),
            Map.entry("ffn_down_exps", "mlp.experts." + EXPERT + ".down_proj"),
            Map.entry("nextn.eh_proj", "eh_proj"),
            Map.entry("nextn.enorm", "enorm"),
            Map.entry("nextn.hnorm", "hnorm"),
            Map.entry("nextn.embed_tokens", "embed_tokens"),
            Map.entry("nextn.shared_head_norm", "shared_head.norm"),
            Map.entry("nextn.shared_head_head", "shared_head.head"));

    private GgufNames() {}

    /** The name in a file of a published one, {@link #EXPERT} standing for the expert; empty where it has no place. */
    static Optional<String> inFile(String published) {
        Matcher layer = OF_PUBLISHED_LAYER.matcher(published);
        if (!layer.matches()) {
            return key(OF_MODEL, published);
        }
        String prefix = "blk." + layer.group(1) + ".";
        String rest = layer.group(2);
        if (rest.equals(PUBLISHED_BIAS)) {
            return Optional.of(prefix + BIAS);
        }
        int ending = rest.lastIndexOf('.');
        return ending < 0
                ? Optional.empty()
                : key(IN_LAYER, rest.substring(0, ending)).map(module -> prefix + module + rest.substring(ending));
    }

    private static Optional<String> key(Map<String, String> names, String value) {
        return names.entrySet().stream()
                .filter(entry -> entry.getValue().equals(value))
                .map(Map.Entry::getKey)
                .findFirst();
    }

    /** The published name, with {@link #EXPERT} in it where the tensor holds all experts; empty when it is not known. */
    static Optional<String> published(String name) {
        Matcher layer = OF_LAYER.matcher(name);
        if (!layer.matches()) {
            return Optional.ofNullable(OF_MODEL.get(name));
        }
        String prefix = "model.layers." + Integer.parseInt(layer.group(1)) + ".";
        String rest = layer.group(2);
        // The one name that ends unlike the others; older files leave its ending off.
        if (rest.equals(BIAS) || rest.equals("exp_probs_b")) {
            return Optional.of(prefix + PUBLISHED_BIAS);
        }
        int ending = rest.lastIndexOf('.');
        String module = ending < 0 ? null : IN_LAYER.get(rest.substring(0, ending));
        return module == null ? Optional.empty() : Optional.of(prefix + module + rest.substring(ending));
    }
}
