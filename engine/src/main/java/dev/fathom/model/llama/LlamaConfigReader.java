package dev.fathom.model.llama;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.HfConfig;
import dev.fathom.model.RopeParameters;
import dev.fathom.model.WeightQuantization;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * config.json to {@link LlamaConfig}. What would change the mathematics and is not served is refused by name, so that a
 * model never runs as something it is not. Keys that only describe training or other programs are left alone.
 */
final class LlamaConfigReader {
    private static final String LLAMA = "LlamaForCausalLM";
    private static final String QWEN2 = "Qwen2ForCausalLM";

    private final HfConfig file;
    private final boolean qwen2;

    private LlamaConfigReader(HfConfig file) {
        this.file = file;
        qwen2 = file.architecture().equals(QWEN2);
    }

    /** @throws CheckpointException naming the file and the key that is missing, mistyped or not served */
    static LlamaConfig read(HfConfig file) {
        return new LlamaConfigReader(file).read();
    }

    private LlamaConfig read() {
        if (!qwen2 && !file.architecture().equals(LLAMA)) {
            throw new CheckpointException(file.where() + ": architecture " + file.architecture()
                    + " is not served, only " + LLAMA + " and " + QWEN2 + " are");
        }
        refuseWhatIsNotServed();
        try {
            return build();
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file.where() + ": " + e.getMessage(), e);
        }
    }

    private LlamaConfig build() {
        int hidden = file.integer("hidden_size");
        int heads = file.integer("num_attention_heads");
        RopeParameters rope = RopeParameters.read(file);
        return new LlamaConfig(
                file.integer("vocab_size"),
                hidden,
                file.integer("intermediate_size"),
                file.integer("num_hidden_layers"),
                heads,
                file.integerOr("num_key_value_heads", heads),
                file.has("head_dim") ? file.integer("head_dim") : headDim(hidden, heads),
                qwen2,
                file.number("rms_norm_eps"),
                file.integer("max_position_embeddings"),
                file.flagOr("tie_word_embeddings", false),
                rope.theta(),
                scaling(rope));
    }

    private static int headDim(int hidden, int heads) {
        if (heads < 1 || hidden % heads != 0) {
            throw new IllegalArgumentException("hidden_size " + hidden + " is no multiple of num_attention_heads "
                    + heads + ", and head_dim is not given");
        }
        return hidden / heads;
    }

    private static @Nullable Llama3Scaling scaling(RopeParameters rope) {
        return switch (rope.type()) {
            case "default" -> null;
            case "llama3" ->
                new Llama3Scaling(
                        rope.values().number("factor"),
                        rope.values().number("low_freq_factor"),
                        rope.values().number("high_freq_factor"),
                        rope.values().integer("original_max_position_embeddings"));
            default -> throw rope.notServed(List.of("llama3", "default"));
        };
    }

    private void refuseWhatIsNotServed() {
        file.requireText("hidden_act", "silu");
        file.requireFlag("attention_bias", qwen2);
        file.requireFlag("mlp_bias", false);
        file.requireFlag("use_mrope", false);
        refuseWindows();
        if (file.numberOr("partial_rotary_factor", 1) != 1) {
            throw new CheckpointException(file.where() + ": partial_rotary_factor "
                    + file.number("partial_rotary_factor") + " is not served, only 1 is");
        }
        WeightQuantization.read(file);
    }

    /** Qwen2 names a window that only use_sliding_window turns on; elsewhere naming it is using it. */
    private void refuseWindows() {
        file.requireFlag("use_sliding_window", false);
        if (!qwen2 && file.has("sliding_window")) {
            throw new CheckpointException(file.where() + ": sliding_window is given, which " + LLAMA
                    + " does not have; this variant is not served");
        }
        if (file.has("layer_types")) {
            for (String type : file.texts("layer_types")) {
                if (!type.equals("full_attention")) {
                    throw new CheckpointException(file.where() + ": layer_types has " + type
                            + ", which is not served, only full_attention is");
                }
            }
        }
    }
}
