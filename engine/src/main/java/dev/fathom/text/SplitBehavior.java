package dev.fathom.text;

/** What becomes of the matches of a splitting pattern, by the names tokenizer files use. */
enum SplitBehavior {
    /** Each match is a piece of its own. */
    ISOLATED("Isolated"),
    /** Matches are dropped. */
    REMOVED("Removed"),
    /** Neighbouring matches are one piece. */
    CONTIGUOUS("Contiguous"),
    MERGED_WITH_PREVIOUS("MergedWithPrevious"),
    MERGED_WITH_NEXT("MergedWithNext");

    private final String name;

    SplitBehavior(String name) {
        this.name = name;
    }

    static SplitBehavior named(String name) {
        for (SplitBehavior behavior : values()) {
            if (behavior.name.equals(name)) {
                return behavior;
            }
        }
        throw new TokenizerException("split behavior '" + name + "' is not supported");
    }
}
