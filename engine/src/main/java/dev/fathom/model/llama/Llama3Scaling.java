package dev.fathom.model.llama;

/**
 * Llama 3's stretching of rope: pairs that turn fast over the original context stay, slow ones are stretched in full, and
 * between the two the inverse frequency goes from one to the other.
 *
 * @param factor                         how much longer
 * @param lowFreqFactor                  pairs that make fewer turns than this over the original context are slow
 * @param highFreqFactor                 pairs that make more turns than this are fast
 * @param originalMaxPositionEmbeddings  tokens before stretching
 * @see "The Llama 3 Herd of Models, arXiv 2407.21783; transformers, rope type llama3"
 */
record Llama3Scaling(float factor, float lowFreqFactor, float highFreqFactor, int originalMaxPositionEmbeddings) {
    Llama3Scaling {
        if (!(factor >= 1)
                || !(lowFreqFactor > 0)
                || !(highFreqFactor > lowFreqFactor)
                || originalMaxPositionEmbeddings < 1) {
            throw new IllegalArgumentException("impossible llama3 rope: factor " + factor + ", low_freq_factor "
                    + lowFreqFactor + ", high_freq_factor " + highFreqFactor + ", original_max_position_embeddings "
                    + originalMaxPositionEmbeddings);
        }
    }

    /** @param plain angles per position, as they are without stretching */
    float[] stretch(float[] plain) {
        float[] stretched = new float[plain.length];
        for (int pair = 0; pair < plain.length; pair++) {
            float wavelength = (float) (2 * Math.PI) / plain[pair];
            float turns = originalMaxPositionEmbeddings / wavelength;
            float kept = Math.clamp((turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor), 0f, 1f);
            stretched[pair] = (1 - kept) * plain[pair] / factor + kept * plain[pair];
        }
        return stretched;
    }
}
