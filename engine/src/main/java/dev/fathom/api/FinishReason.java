package dev.fathom.api;

/** Why a sequence ended. */
public sealed interface FinishReason {
    /** {@code max_new_tokens} were generated, or the context is full. */
    record Length(int tokens) implements FinishReason {}

    /** A stop id or the model's end id was generated; the id is the last token of the output. */
    record StopToken(int id) implements FinishReason {}

    /** A stop string was found in the text. */
    record StopString(String text) implements FinishReason {}

    /** Aborted, by its client or by an operator. */
    record Aborted(String message) implements FinishReason {}
}
