package dev.fathom.serve;

/** From where on calls are held to their functions, SGLang's {@code SGLANG_TOOL_STRICT_LEVEL}; each includes those before. */
public enum ToolStrictness {
    /** Only where the request asks: by {@code strict} or by a {@code tool_choice} that demands a call. */
    REQUESTED,
    /** Every call names a function that there is, and its arguments are a JSON object. */
    FUNCTION,
    /** Every call's arguments follow the function's schema. */
    PARAMETER
}
