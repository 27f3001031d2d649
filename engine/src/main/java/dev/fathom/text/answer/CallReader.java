package dev.fathom.text.answer;

/**
 * Reads a block of calls after its opening mark, one character at a time: what it does depends on the characters before,
 * not on how they arrived. For one block.
 */
interface CallReader {
    /** What a character has led to. */
    enum Step {
        MORE,
        /** A call is whole; the sink has all of its arguments. */
        CALL,
        /** The block is closed. */
        BLOCK,
        /** No block looks like this; nothing more is read. */
        DAMAGED
    }

    Step accept(char c, CallSink sink);
}
