package dev.fathom.serve;

/** What to continue: words, or the tokens themselves. */
public sealed interface Prompt {
    /** Tokenized with the model's tokenizer; the begin-of-sequence token is added where the model wants one. */
    record Text(String text) implements Prompt {}

    /** Taken as it is; not copied, must not change. */
    record Ids(int[] ids) implements Prompt {}
}
