package dev.fathom.model.llama;

import dev.fathom.model.Rope;
import org.jspecify.annotations.Nullable;

/**
 * A Llama or Qwen2 model's sizes, in config.json's vocabulary.
 *
 * @param heads              num_attention_heads
 * @param keyValueHeads      num_key_value_heads: as many query heads share each
 * @param headDim            head_dim: width of a query, a key and a value
 * @param queryKeyValueBias  whether the projections to queries, keys and values have biases (Qwen2)
 * @param ropeScaling        null for plain rope
 */
record LlamaConfig(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int numHiddenLayers,
        int heads,
        int keyValueHeads,
        int headDim,
        boolean queryKeyValueBias,
        float rmsNormEps,
        int maxPositionEmbeddings,
        boolean tieWordEmbeddings,
        float ropeTheta,
        @Nullable Llama3Scaling ropeScaling) {
    LlamaConfig {
        requirePositive("vocab_size", vocabSize);
        requirePositive("hidden_size", hiddenSize);
        requirePositive("intermediate_size", intermediateSize);
        requirePositive("num_hidden_layers", numHiddenLayers);
        requirePositive("num_attention_heads", heads);
        requirePositive("num_key_value_heads", keyValueHeads);
        requirePositive("max_position_embeddings", maxPositionEmbeddings);
        if (heads % keyValueHeads != 0) {
            throw new IllegalArgumentException(
                    "num_attention_heads " + heads + " cannot share num_key_value_heads " + keyValueHeads + " evenly");
        }
        if (headDim < 2 || headDim % 2 != 0) {
            throw new IllegalArgumentException("head_dim must be even, because pairs are rotated; it is " + headDim);
        }
        if (!(rmsNormEps >= 0) || !(ropeTheta > 1)) {
            throw new IllegalArgumentException("rms_norm_eps must not be negative and rope_theta must be above 1, got "
                    + rmsNormEps + " and " + ropeTheta);
        }
    }

    /** Numbers of all heads' queries of a token. */
    int queryWidth() {
        return Math.multiplyExact(heads, headDim);
    }

    /** Numbers of all heads' keys, or values, of a token. */
    int keyWidth() {
        return Math.multiplyExact(keyValueHeads, headDim);
    }

    float softmaxScale() {
        return (float) (1 / Math.sqrt(headDim));
    }

    Rope rope() {
        float[] plain = Rope.plain(headDim, ropeTheta);
        return new Rope(ropeScaling == null ? plain : ropeScaling.stretch(plain), 1);
    }

    /** @param divisors  of each pair: how many times slower it turns than without stretching */
    Rope rope(float[] divisors) {
        float[] frequencies = Rope.plain(headDim, ropeTheta);
        for (int pair = 0; pair < frequencies.length; pair++) {
            frequencies[pair] /= divisors[pair];
        }
        return new Rope(frequencies, 1);
    }

    private static void requirePositive(String key, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(key + " must be positive, the config says " + value);
        }
    }
}
