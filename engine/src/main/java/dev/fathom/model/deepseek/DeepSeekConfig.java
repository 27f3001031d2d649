package dev.fathom.model.deepseek;

import dev.fathom.model.Rope;
import org.jspecify.annotations.Nullable;

/**
 * A DeepSeek-V2, V3 or V3.2 model's sizes, in config.json's vocabulary.
 *
 * @param firstKDenseReplace  first_k_dense_replace: layers before this have a dense MLP
 * @param moeLayerFreq        moe_layer_freq: of the others, every so manieth has experts
 * @param moe                 null only where no layer has experts
 * @param yarn                null for plain rope
 * @param indexer             null where attention is dense (V2, V3)
 * @param numNextnPredictLayers  num_nextn_predict_layers: layers after numHiddenLayers that draft tokens
 */
record DeepSeekConfig(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int numHiddenLayers,
        int firstKDenseReplace,
        int moeLayerFreq,
        float rmsNormEps,
        int maxPositionEmbeddings,
        boolean tieWordEmbeddings,
        int numNextnPredictLayers,
        MlaConfig attention,
        @Nullable IndexerConfig indexer,
        @Nullable MoeConfig moe,
        float ropeTheta,
        @Nullable YarnConfig yarn) {
    DeepSeekConfig {
        if (vocabSize < 1
                || hiddenSize < 1
                || intermediateSize < 1
                || numHiddenLayers < 1
                || maxPositionEmbeddings < 1
                || moeLayerFreq < 1
                || firstKDenseReplace < 0
                || numNextnPredictLayers < 0) {
            throw new IllegalArgumentException(
                    "impossible sizes: vocab_size " + vocabSize + ", hidden_size " + hiddenSize
                            + ", intermediate_size " + intermediateSize + ", num_hidden_layers " + numHiddenLayers
                            + ", max_position_embeddings " + maxPositionEmbeddings + ", moe_layer_freq " + moeLayerFreq
                            + ", first_k_dense_replace " + firstKDenseReplace + ", num_nextn_predict_layers "
                            + numNextnPredictLayers);
        }
        if (!(rmsNormEps >= 0) || !(ropeTheta > 1)) {
            throw new IllegalArgumentException("rms_norm_eps must not be negative and rope_theta must be above 1, got "
                    + rmsNormEps + " and " + ropeTheta);
        }
    }

    /** Numbers of the key that the cache keeps for an indexer, 0 for none. */
    int indexWidth() {
        return indexer == null ? 0 : indexer.headDim();
    }

    /** Whether a layer routes to experts. */
    boolean isMoe(int layer) {
        return moe != null && layer >= firstKDenseReplace && layer % moeLayerFreq == 0;
    }

    Rope rope() {
        int width = attention.ropeHeadDim();
        return yarn == null ? new Rope(Rope.plain(width, ropeTheta), 1) : yarn.rope(width, ropeTheta);
    }

    /** What scores are multiplied with, YaRN's factor included. */
    float softmaxScale() {
        return (float) ((yarn == null ? 1 : yarn.softmaxFactor()) / Math.sqrt(attention.queryHeadDim()));
    }
}
