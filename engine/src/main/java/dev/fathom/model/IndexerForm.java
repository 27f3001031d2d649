package dev.fathom.model;

/** In which numbers DeepSeek-V3.2's indexer compares queries and keys ({@code --dsa-indexer-dtype}). */
public enum IndexerForm {
    /** Float32 queries, keys as the cache's format keeps them: what transformers does. */
    FLOAT("float32"),
    /** Both through a Hadamard transform and rounded to FP8: what DeepSeek's own code does. */
    FP8("FP8 after a Hadamard transform");

    private final String label;

    IndexerForm(String label) {
        this.label = label;
    }

    /** For people. */
    public String label() {
        return label;
    }
}
