package dev.fathom.model;

/**
 * How a model is loaded.
 *
 * @param attentionForm   see {@link AttentionForm}
 * @param prefixChunk     keys expanded at a time in the expanded form (tokens); bounds its scratch memory; 0 for as many as
 *                        suit the backend
 * @param contextLength   overrides the config's max_position_embeddings when positive (tokens)
 * @param loadMtp         whether the next-n prediction layer is loaded
 * @param indexerForm     see {@link IndexerForm}; models without an indexer have no use for it
 */
public record ModelOptions(
        AttentionForm attentionForm, int prefixChunk, int contextLength, boolean loadMtp, IndexerForm indexerForm) {
    public static final ModelOptions DEFAULT = new ModelOptions(AttentionForm.AUTO, 0, 0, false);

    public ModelOptions {
        if (prefixChunk < 0) {
            throw new IllegalArgumentException("prefixChunk must not be negative, got " + prefixChunk);
        }
    }

    /** With the reference's indexer. */
    public ModelOptions(AttentionForm attentionForm, int prefixChunk, int contextLength, boolean loadMtp) {
        this(attentionForm, prefixChunk, contextLength, loadMtp, IndexerForm.FLOAT);
    }

    public ModelOptions withAttentionForm(AttentionForm form) {
        return new ModelOptions(form, prefixChunk, contextLength, loadMtp, indexerForm);
    }

    public ModelOptions withIndexerForm(IndexerForm form) {
        return new ModelOptions(attentionForm, prefixChunk, contextLength, loadMtp, form);
    }
}
