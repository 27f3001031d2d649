package dev.fathom.text.answer;

/** Hears of a call while it is read. */
interface CallSink {
    /** A call whose arguments have begun as they should. */
    void begin(String function);

    /** More of its arguments, as JSON text. */
    void arguments(CharSequence json);
}
