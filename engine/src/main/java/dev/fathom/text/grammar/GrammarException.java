package dev.fathom.text.grammar;

/** A grammar cannot be used. The message says what in it is wrong or not supported, for the person who wrote it. */
public final class GrammarException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GrammarException(String message) {
        super(message);
    }
}
