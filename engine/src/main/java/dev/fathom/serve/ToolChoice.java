package dev.fathom.serve;

/** Whether an answer calls tools. */
public sealed interface ToolChoice {
    /** As the model likes. */
    record Auto() implements ToolChoice {}

    /** At least one call, of any function. */
    record Required() implements ToolChoice {}

    /** A call of this function. */
    record Named(String function) implements ToolChoice {}
}
